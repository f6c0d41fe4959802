// SPDX-License-Identifier: Apache-2.0
// in: a trainer   out: a folder from which training goes on with the same bits, and back;
// docs/formats/checkpoint.md
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "gnomon/base/json.h"
#include "gnomon/train/trainer.h"

namespace gnomon {

// Writes the state after an epoch as `folder`/epoch-NNNN, complete before it gets its name, then
// last.txt and, for the best epoch, best.txt, which hold that name; folders that neither names are
// removed. Holds every changed tensor (parameters.safetensors, lora.safetensors), the reporter
// (reporter.json, head.safetensors), optimizer moments (optimizer.safetensors) and the state, seed
// and history (trainer_state.json). Throws FileError (write_failed); what was there stays.
template <class T>
void save_checkpoint(const Trainer<T>& trainer, const std::filesystem::path& folder, bool best);

// The folder that last.txt or best.txt (`which`: "last", "best") names; nothing where there is no
// such file. Throws FileError where the file names no folder beside it.
std::optional<std::filesystem::path> find_checkpoint(const std::filesystem::path& folder,
                                                     const std::string& which);

// Puts the stored parameters and head into the model. Throws FileError where a tensor is missing,
// has another shape or is not finite, and (incompatible) where the checkpoint is of other settings.
template <class T>
void load_parameters(ReportModel<T>& model, const std::filesystem::path& checkpoint);
// That and everything else that training goes on from.
template <class T>
void load_checkpoint(Trainer<T>& trainer, const std::filesystem::path& checkpoint);

// What reporter.json and head.safetensors hold.
void write_reporter(const Reporter& reporter, const std::filesystem::path& folder);
Reporter read_reporter(const std::filesystem::path& folder);

}  // namespace gnomon
