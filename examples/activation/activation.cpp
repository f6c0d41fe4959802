// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "gnomon/activations/capture.h"

int main(int argc, char** argv) {
  const gnomon::Model model = gnomon::Model::load(argc > 1 ? argv[1] : ".");
  const std::vector<std::string> texts = {"The sundial casts a shadow.", "Nobody was at home."};
  std::vector<std::vector<gnomon::TokenId>> ids;
  for (const std::string& text : texts) ids.push_back(model.tokenizer().encode(text));
  const std::vector<gnomon::SiteAt> sites = {
      gnomon::parse_site("blocks.12.mlp.hook_post[481]@last", model.config())};
  const auto neuron = gnomon::capture<float>(model, ids, sites, {}, {}).activations[0];
  for (gnomon::Index row = 0; row < neuron.n_row(); ++row)
    std::cout << neuron.values.matrix()(row, 0) << "  " << texts[row] << "\n";
}
