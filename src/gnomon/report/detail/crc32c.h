// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace gnomon::detail {

// CRC-32C (Castagnoli), reflected polynomial 0x82F63B78, start and final xor 0xFFFFFFFF: RFC 3720,
// section 12.1 and appendix B.4.
std::uint32_t crc32c(std::string_view bytes);

// The form in which TFRecord files store a checksum: rotated right by 15 bits, plus 0xA282EAD8.
std::uint32_t masked_crc32c(std::string_view bytes);

}  // namespace gnomon::detail
