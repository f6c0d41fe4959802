// SPDX-License-Identifier: Apache-2.0
#include "gnomon/model/hub_files.h"

#include <fmt/format.h>

#include <array>

#include "gnomon/base/error.h"
#include "gnomon/base/quote.h"
#include "gnomon/model/detail/safetensors_files.h"
#include "gnomon/model/hub_id.h"

namespace gnomon {
namespace {

constexpr std::array<const char*, 8> kTokenizerFiles = {"tokenizer.json",
                                                        "tokenizer_config.json",
                                                        "special_tokens_map.json",
                                                        "added_tokens.json",
                                                        "vocab.json",
                                                        "merges.txt",
                                                        "tokenizer.model",
                                                        "chat_template.jinja"};

// A file of this listing that ends so; empty where there is none.
std::string first_that_ends(const HubListing& listing, std::string_view ending) {
  for (const auto& [name, bytes] : listing.files) {
    if (name.ends_with(ending)) return name;
  }
  return {};
}

std::string some_files(const HubListing& listing) {
  constexpr std::size_t kMostShown = 6;
  std::string text;
  std::size_t n = 0;
  for (const auto& [name, bytes] : listing.files) {
    if (n++ == kMostShown) return text + ", ...";
    text += (text.empty() ? "" : ", ") + quote(name);
  }
  return text.empty() ? "no files" : text;
}

[[noreturn]] void refuse_without_weights(const HubListing& listing, const std::string& subject) {
  for (const char* pickle : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!listing.files.contains(pickle)) continue;
    throw UnsupportedError(
        fmt::format("{}: its weights are in \"{}\" only, which can run code when it is read; "
                    "expected \"{}\"",
                    subject, pickle, kWholeWeights),
        "look for a revision with safetensors (the hub makes them as refs/pr/N), or save the model "
        "with save_pretrained(..., safe_serialization=True) and give the folder");
  }
  if (const std::string gguf = first_that_ends(listing, ".gguf"); !gguf.empty()) {
    throw UnsupportedError(fmt::format("{}: its weights are GGUF files only, such as {}; expected "
                                       "\"{}\"",
                                       subject, quote(gguf), kWholeWeights),
                           "download the file and give its path as the model");
  }
  throw FileError(ErrorCode::not_found,
                  fmt::format("{}: there is neither \"{}\" nor \"{}\", only {}", subject,
                              kWholeWeights, kWeightsIndex, some_files(listing)),
                  "choose a repository with weights in safetensors files");
}

std::optional<std::uint64_t> size_of(const Json& sibling) {
  const auto size = sibling.find("size");
  if (size == sibling.end() || !size->is_number_unsigned()) return std::nullopt;
  return size->get<std::uint64_t>();
}

}  // namespace

HubListing read_hub_listing(std::string_view answer, const std::string& origin) {
  const Json json = parse_json(answer, origin);
  const auto text_of = [](const Json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
  };
  HubListing listing;
  listing.commit = text_of(json, "sha");
  if (!is_commit(listing.commit)) {
    throw FileError(fmt::format("{}: \"sha\" is {}, expected the 40 digits of a commit", origin,
                                quote(listing.commit)));
  }
  const auto siblings = json.find("siblings");
  if (siblings == json.end() || !siblings->is_array())
    throw FileError(fmt::format("{}: \"siblings\" is missing or not an array", origin));
  for (const Json& sibling : *siblings) {
    const std::string name = text_of(sibling, "rfilename");
    if (is_safe_hub_file(name)) listing.files[name] = size_of(sibling);
  }
  return listing;
}

std::vector<std::string> choose_hub_files(const HubListing& listing, const std::string& subject) {
  const bool has_weights =
      listing.files.contains(kWholeWeights) || listing.files.contains(kWeightsIndex);
  const bool is_gguf = !has_weights && !first_that_ends(listing, ".gguf").empty();
  if (!listing.files.contains("config.json") && !is_gguf) {
    throw FileError(
        ErrorCode::not_found,
        fmt::format("{}: there is no \"config.json\", only {}", subject, some_files(listing)),
        "choose a repository that holds a model of the transformers library");
  }
  if (!has_weights) refuse_without_weights(listing, subject);
  std::vector<std::string> files;
  for (const char* name : kTokenizerFiles) {
    if (listing.files.contains(name)) files.emplace_back(name);
  }
  files.emplace_back(listing.files.contains(kWholeWeights) ? kWholeWeights : kWeightsIndex);
  // Last, because a snapshot with it is taken for a model.
  files.emplace_back("config.json");
  return files;
}

std::vector<std::string> hub_weight_parts(const HubListing& listing, const Json& index,
                                          const std::string& subject) {
  const std::string origin = fmt::format("{}: {}", subject, kWeightsIndex);
  std::vector<std::string> parts;
  for (const std::string& name : indexed_files(index, origin)) {
    if (!is_safe_hub_file(name) || !name.ends_with(".safetensors")) {
      throw FileError(fmt::format("{}: it names {}, expected safetensors files beside it", origin,
                                  quote(name)));
    }
    if (!listing.files.contains(name)) {
      throw FileError(
          ErrorCode::not_found,
          fmt::format("{}: it names {}, which the repository does not have", origin, quote(name)));
    }
    parts.push_back(name);
  }
  if (parts.empty()) throw FileError(fmt::format("{}: it names no file", origin));
  return parts;
}

}  // namespace gnomon
