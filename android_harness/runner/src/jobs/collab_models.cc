#include "jobs/collab_models.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
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

}  // namespace

CollabModels::CollabModels(const CollabSpec& spec, const PhaseResources& phase)
    : manifest_(ReadManifest(spec.manifest)) {
  FindWorkers(spec, phase);
  ReadInputs();
  CreateModels();
  paths_ = PairsOf(manifest_, spec.path);
  ConnectPeers();
  for (const NetworkOutput& output : manifest_.outputs) {
    outputs_.emplace_back(manifest_.TypeOf(output).Bytes());
  }
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

void CollabModels::ReadInputs() {
  for (const NetworkInput& input : manifest_.inputs) {
    const size_t expected = input.type.Bytes();
    const auto size = static_cast<uint64_t>(FileSize(input.file));
    if (size != expected) {
      throw Failure(input.file.shown + " has " + std::to_string(size) + " bytes; " + input.type.ToString() + " has " +
                    std::to_string(expected));
    }
    const std::string content = ReadFile(input.file, expected);
    inputs_.emplace_back(expected);
    std::memcpy(inputs_.back().data(), content.data(), std::min(content.size(), expected));
  }
}

void CollabModels::CreateModels() {
  for (size_t i = 0; i < manifest_.segments.size(); ++i) {
    const SegmentSpec& segment = manifest_.segments[i];
    landings_.emplace_back(segment.outputs.size());
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
  check_count("outputs", model.outputs().size(), segment.outputs.size());
  for (size_t i = 0; i < segment.inputs.size(); ++i) {
    check_type("input " + std::to_string(i), model.inputs()[i], segment.inputs[i].type);
  }
  for (size_t i = 0; i < segment.outputs.size(); ++i) {
    check_type("output " + std::to_string(i), model.outputs()[i], segment.outputs[i]);
  }
}

void CollabModels::ConnectOwnInputs(size_t segment) {
  const SegmentSpec& spec = manifest_.segments[segment];
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    if (spec.inputs[i].from == SegmentInput::kNetworkInput) {
      model(segment).AllocateInput(i);
    }
  }
  ForEachOf(segment, [this, &spec](const Handed& handed) {
    const SegmentSpec& sender = manifest_.segments[handed.sender];
    if (sender.unit == spec.unit && !model(handed.receiver).ShareInput(handed.input, Given(handed))) {
      throw Failure("unit " + worker(spec.unit).spec().name + " cannot hand the output of " + sender.name + " to " +
                    spec.name + " without a copy");
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
  ForEachHandover(pair, [this, &all_shared](const Handed& handed) {
    all_shared = all_shared && model(handed.receiver).ShareInput(handed.input, Given(handed));
  });
  return all_shared;
}

HandoverPath CollabModels::AllocatePair(const UnitPair& pair) {
  std::optional<HandoverPath> possible;
  ForEachHandover(pair, [this, &possible](const Handed& handed) {
    const HandoverPath found = PathBetween(Given(handed), model(handed.receiver).AllocateInput(handed.input));
    // All hand-overs of a pair have the same path. Two copies always go.
    possible = possible.value_or(found) == found ? found : HandoverPath::kMemcpy;
  });
  return possible.value_or(HandoverPath::kMemcpy);
}

bool CollabModels::LandPair(const UnitPair& pair) {
  // An output that is read for another unit already is not read again: this unit shares that memory or copies from it.
  bool all_land = true;
  std::vector<Landing*> claimed;
  ForEachHandover(pair, [this, &all_land, &claimed](const Handed& handed) {
    Landing& landing = LandingOf(handed);
    if (landing.input == nullptr) {
      landing.input = &model(handed.receiver).input(handed.input);
      landing.memory = landing.input->host();
      claimed.push_back(&landing);
    } else {
      all_land = all_land && model(handed.receiver).ShareInput(handed.input, *landing.input);
    }
  });
  if (!all_land) {
    for (Landing* landing : claimed) {
      *landing = Landing();
    }
    AllocatePair(pair);
  }
  return all_land;
}

void CollabModels::AddStaging() {
  for (const auto& [pair, path] : paths_) {
    if (path == HandoverPath::kMemcpy) {
      ForEachHandover(pair, [this](const Handed& handed) {
        if (Landing& landing = LandingOf(handed); landing.memory == nullptr) {
          landing.staging = AlignedMemory(manifest_.segments[handed.sender].outputs[handed.output].Bytes());
          landing.memory = landing.staging.data();
        }
      });
    }
  }
}

void CollabModels::ForEachOf(size_t receiver, const std::function<void(const Handed&)>& visit) const {
  const std::vector<SegmentInput>& inputs = manifest_.segments[receiver].inputs;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].from != SegmentInput::kNetworkInput) {
      visit({static_cast<size_t>(inputs[i].from), inputs[i].number, receiver, i});
    }
  }
}

void CollabModels::ForEachHandover(const UnitPair& pair, const std::function<void(const Handed&)>& visit) const {
  for (size_t s = 0; s < manifest_.segments.size(); ++s) {
    ForEachOf(s, [this, &pair, &visit](const Handed& handed) {
      if (UnitPair{manifest_.segments[handed.sender].unit, manifest_.segments[handed.receiver].unit} == pair) {
        visit(handed);
      }
    });
  }
}

const void* CollabModels::Source(size_t sender, size_t output, size_t receiver) const {
  const UnitPair pair{manifest_.segments[sender].unit, manifest_.segments[receiver].unit};
  return paths_.at(pair) == HandoverPath::kUpload ? model(sender).output(output).host() : landing(sender, output);
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
