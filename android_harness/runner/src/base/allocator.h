#ifndef SYNCNAS_RUNNER_BASE_ALLOCATOR_H_
#define SYNCNAS_RUNNER_BASE_ALLOCATOR_H_

namespace syncnas {

// Has the allocator map large buffers anew instead of giving out memory that was freed before. A model's weights and
// arena then lie elsewhere at each visit, as in a program that has just been started. Where freed memory is given out
// again, all visits of one process share where they lie: a network took up to a seventh longer in one process than in
// the next, on either of two cores by itself (an Intel Xeon, glibc 2.36), and no number of visits would have told.
// To be called before there are threads.
void MapLargeBuffersAnew();

}  // namespace syncnas

#endif  // SYNCNAS_RUNNER_BASE_ALLOCATOR_H_
