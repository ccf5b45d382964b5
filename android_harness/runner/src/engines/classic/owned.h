#ifndef SYNCNAS_RUNNER_ENGINES_CLASSIC_OWNED_H_
#define SYNCNAS_RUNNER_ENGINES_CLASSIC_OWNED_H_

#include <memory>

namespace syncnas::classic {

// Owns what one function of the library makes and another destroys. The library outlives it.
template <typename Handle>
using Owned = std::unique_ptr<Handle, void (*)(Handle*)>;

}  // namespace syncnas::classic

#endif  // SYNCNAS_RUNNER_ENGINES_CLASSIC_OWNED_H_
