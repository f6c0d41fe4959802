// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gnomon {

// What happens to the numbers that stand where a result goes.
enum class Output { overwrite, add };

}  // namespace gnomon
