#include "jobs/collab_models.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string>

#include "base/failure.h"
#include "base/files.h"
#include "units/handover_path.h"

namespace syncnas {

namespace {

constexpr size_t kMostManifestBytes = size_t{64} << 20;

Manifest ReadManifest(const FilePath& path) {
  try {
    return ParseManifest(ReadFile(path, kMostManifestBytes), FolderOf(path.full));
  } catch (const Failure& failure) {
    const std::string reason = failure.what();
    const bool names_the_file = reason.find(path.shown) != std::string::npos;
    throw Failure(names_the_file ? reason : path.shown + ": " + reason);
  }
}

// Calls `visit(input index, source segment)` for the segment's inputs that come from other segments.
void ForEachSource(const SegmentSpec& segment, const std::function<void(size_t, size_t)>& visit) {
  for (size_t i = 0; i < segment.inputs.size(); ++i) {
    if (segment.inputs[i].from != SegmentInput::kNetworkInput) {
      visit(i, static_cast<size_t>(segment.inputs[i].from));
    }
  }
}

}  // namespace

CollabModels::CollabModels(const CollabSpec& spec, const PhaseResources& phase)
    : manifest_(ReadManifest(spec.manifest)) {
  FindWorkers(spec, phase);
  ReadInput();
  CreateModels();
  paths_ = PairsOf(manifest_, spec.path);
  ConnectPeers();
  output_ = AlignedMemory(manifest_.segments[manifest_.output_segment].output.Bytes());
}

void CollabModels::FindWorkers(const CollabSpec& spec, const PhaseResources& phase) {
  for (const auto& [unit, bound] : spec.bind) {
    if (std::find(manifest_.units.begin(), manifest_.units.end(), unit) == manifest_.units.end()) {
      throw Failure("bind names \"" + unit + "\", which is no unit of " + spec.manifest.shown);
    }
  }
  for (const std::string& unit : manifest_.units) {
    const auto bound = spec.bind.find(unit);
    if (bound == spec.bind.end() && !spec.bind.empty()) {
      throw Failure("bind does not say which unit is \"" + unit + "\" of " + spec.manifest.shown);
    }
    workers_.push_back(&phase.workers.At(spec.bind.empty() ? unit : bound->second));
  }
}

void CollabModels::ReadInput() {
  const size_t expected = manifest_.input.Bytes();
  const auto size = static_cast<uint64_t>(FileSize(manifest_.input_file));
  if (size != expected) {
    throw Failure(manifest_.input_file.shown + " has " + std::to_string(size) + " bytes; " +
                  manifest_.input.ToString() + " has " + std::to_string(expected));
  }
  const std::string content = ReadFile(manifest_.input_file, expected);
  input_ = AlignedMemory(expected);
  std::memcpy(input_.data(), content.data(), std::min(content.size(), expected));
}

void CollabModels::CreateModels() {
  landings_.resize(manifest_.segments.size());
  for (size_t i = 0; i < manifest_.segments.size(); ++i) {
    const SegmentSpec& segment = manifest_.segments[i];
    const int64_t size = FileSize(segment.model);
    if (segment.model_bytes >= 0 && size != segment.model_bytes) {
      throw Failure(segment.model.shown + " has " + std::to_string(size) + " bytes; the manifest says " +
                    std::to_string(segment.model_bytes));
    }
    placed_.push_back(std::make_unique<PlacedModel>(worker(segment.unit), segment.model));
    CheckModel(segment, model(i));
    worker(segment.unit).Run([this, i] { ConnectOwnInputs(i); });
  }
}

void CollabModels::CheckModel(const SegmentSpec& segment, const Model& model) const {
  const auto check_count = [&segment](const char* what, size_t has, size_t expected) {
    if (has != expected) {
      throw Failure("segment " + segment.name + ": " + segment.model.shown + " has " + std::to_string(has) + " " +
                    what + ", the manifest says " + std::to_string(expected));
    }
  };
  const auto check_type = [&segment](const std::string& what, const TensorType& has, const TensorType& expected) {
    if (has != expected) {
      throw Failure("segment " + segment.name + ": " + what + " of " + segment.model.shown + " is " + has.ToString() +
                    ", the manifest says " + expected.ToString());
    }
  };
  check_count("inputs", model.inputs().size(), segment.inputs.size());
  check_count("outputs", model.outputs().size(), 1);
  for (size_t i = 0; i < segment.inputs.size(); ++i) {
    check_type("input " + std::to_string(i), model.inputs()[i], segment.inputs[i].type);
  }
  check_type("the output", model.outputs()[0], segment.output);
}

void CollabModels::ConnectOwnInputs(size_t segment) {
  const SegmentSpec& spec = manifest_.segments[segment];
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (spec.inputs[i].from == SegmentInput::kNetworkInput) {
      model(segment).AllocateInput(i);
    }
  }
  ForEachSource(spec, [this, segment, &spec](size_t input, size_t source) {
    if (manifest_.segments[source].unit == spec.unit && !model(segment).ShareInput(input, model(source).output(0))) {
      throw Failure("unit " + worker(spec.unit).spec().name + " cannot hand the output of " +
                    manifest_.segments[source].name + " to " + spec.name + " without a copy");
    }
  });
}

void CollabModels::ConnectPeers() {
  for (auto& [pair, path] : paths_) {
    HandoverPath found = path;
    worker(pair.second).Run([this, &found, &from_to = pair] { found = ConnectPair(from_to, found); });
    path = found;
  }
  AddStaging();
}

HandoverPath CollabModels::ConnectPair(const UnitPair& pair, HandoverPath wanted) {
  if (wanted == HandoverPath::kShared && SharePair(pair)) {
    return HandoverPath::kShared;
  }
  const HandoverPath possible = AllocatePair(pair);
  if (wanted == HandoverPath::kMemcpy || (possible == HandoverPath::kReadback && !LandPair(pair))) {
    return HandoverPath::kMemcpy;
  }
  return possible;
}

bool CollabModels::SharePair(const UnitPair& pair) {
  bool all_shared = true;
  ForEachHandover(pair, [this, &all_shared](size_t receiver, size_t input, size_t sender) {
    all_shared = all_shared && model(receiver).ShareInput(input, model(sender).output(0));
  });
  return all_shared;
}

HandoverPath CollabModels::AllocatePair(const UnitPair& pair) {
  HandoverPath possible = HandoverPath::kMemcpy;
  ForEachHandover(pair, [this, &possible](size_t receiver, size_t input, size_t sender) {
    // All hand-overs of a pair have the same path: a buffer's kind of memory depends on the unit alone.
    possible = PathBetween(model(sender).output(0), model(receiver).AllocateInput(input));
  });
  return possible;
}

bool CollabModels::LandPair(const UnitPair& pair) {
  // An output that is read for another unit already is not read again: this unit shares that memory or copies from it.
  bool all_land = true;
  std::vector<size_t> claimed;
  ForEachHandover(pair, [this, &all_land, &claimed](size_t receiver, size_t input, size_t sender) {
    Landing& landing = landings_[sender];
    if (landing.input == nullptr) {
      landing.input = &model(receiver).input(input);
      landing.memory = landing.input->host();
      claimed.push_back(sender);
    } else {
      all_land = all_land && model(receiver).ShareInput(input, *landing.input);
    }
  });
  if (!all_land) {
    for (const size_t sender : claimed) {
      landings_[sender] = Landing();
    }
    AllocatePair(pair);
  }
  return all_land;
}

void CollabModels::AddStaging() {
  for (const auto& [pair, path] : paths_) {
    if (path == HandoverPath::kMemcpy) {
      ForEachHandover(pair, [this](size_t, size_t, size_t sender) {
        if (Landing& landing = landings_[sender]; landing.memory == nullptr) {
          landing.staging = AlignedMemory(manifest_.segments[sender].output.Bytes());
          landing.memory = landing.staging.data();
        }
      });
    }
  }
}

void CollabModels::ForEachHandover(const UnitPair& pair,
                                   const std::function<void(size_t, size_t, size_t)>& visit) const {
  for (size_t s = 0; s < manifest_.segments.size(); ++s) {
    ForEachSource(manifest_.segments[s], [this, s, &pair, &visit](size_t input, size_t source) {
      if (UnitPair{manifest_.segments[source].unit, manifest_.segments[s].unit} == pair) {
        visit(s, input, source);
      }
    });
  }
}

const void* CollabModels::Source(size_t sender, size_t receiver) const {
  const UnitPair pair{manifest_.segments[sender].unit, manifest_.segments[receiver].unit};
  return paths_.at(pair) == HandoverPath::kUpload ? model(sender).output(0).host() : landing(sender);
}

bool CollabModels::fully_accelerated() const {
  return std::all_of(placed_.begin(), placed_.end(),
                     [](const std::unique_ptr<PlacedModel>& placed) { return placed->model().fully_accelerated(); });
}

int64_t CollabModels::create_ns() const {
  int64_t total = 0;
  for (const std::unique_ptr<PlacedModel>& placed : placed_) {
    total += placed->create_ns();
  }
  return total;
}

}  // namespace syncnas
