// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IErrors} from "./interfaces/IErrors.sol";

/// @title Lets in only what a transaction's own calldata says, so that blocks alone are enough for an audit
abstract contract Direct {
    modifier direct() {
        _requireDirect();
        _;
    }

    function _requireCanonical(bytes memory expected) internal pure {
        if (keccak256(msg.data) != keccak256(expected)) {
            revert IErrors.NonCanonicalCalldata(msg.data.length, expected.length);
        }
    }

    /// @dev The same for arguments that are words: the decoder has checked their widths.
    function _requireWords(uint256 words) internal pure {
        unchecked {
            uint256 expected = 4 + 32 * words;
            if (msg.data.length != expected) revert IErrors.NonCanonicalCalldata(msg.data.length, expected);
        }
    }

    /// @dev An account without code that is also the origin made this very call: nobody in between, no delegation.
    /// The origin is asked for no authority: it only rules out a caller in between.
    function _requireDirect() internal view {
        // solhint-disable-next-line avoid-tx-origin
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert IErrors.NotDirect(msg.sender);
    }
}
