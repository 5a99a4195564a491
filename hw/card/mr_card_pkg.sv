// SPDX-License-Identifier: Apache-2.0
// What several modules of the card share.
package mr_card_pkg;
  /// The largest power of two that divides both `bytes` and 64.
  function automatic int grain(input int bytes);
    grain = 1;
    for (int i = 0; i < 6; i++) if (bytes % (grain * 2) == 0) grain = grain * 2;
  endfunction
endpackage
