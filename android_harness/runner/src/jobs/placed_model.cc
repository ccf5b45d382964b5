#include "jobs/placed_model.h"

#include "base/aligned_memory.h"
#include "base/clock.h"
#include "base/tensor.h"

namespace syncnas {

PlacedModel::PlacedModel(UnitWorker& worker, const FilePath& path) : worker_(worker) {
  worker_.Run([this, &path] {
    const int64_t begin = NowNs();
    model_ = worker_.CreateModel(path);
    create_ns_ = NowNs() - begin;
  });
}

PlacedModel::~PlacedModel() {
  worker_.Run([this] { model_.reset(); });
}

void FillInputs(Model& model, Random& random) {
  for (size_t i = 0; i < model.inputs().size(); ++i) {
    const TensorType& type = model.inputs()[i];
    AlignedMemory values(type.Bytes());
    FillRandom(type, random, values.data());
    model.AllocateInput(i).Write(values.data());
  }
}

}  // namespace syncnas
