// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title The few cheat codes of forge that the suite needs
/// @dev Declared by hand: npm's forge-std is unofficial.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    /// The next call comes from `sender`, in a transaction of `origin`.
    function prank(address sender, address origin) external;
    function deal(address account, uint256 wei_) external;
    function etch(address account, bytes calldata code) external;
    function roll(uint256 blockNumber) external;
    function chainId(uint256 id) external;
    function getChainId() external view returns (uint256);
    function getBlockNumber() external view returns (uint256);
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function assume(bool condition) external pure;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function store(address account, bytes32 slot, bytes32 value) external;
    /// Notes from now on which slots are read and written.
    function record() external;
    function accesses(address account) external returns (bytes32[] memory reads, bytes32[] memory writes);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function snapshotState() external returns (uint256);
    function revertToState(uint256 snapshot) external returns (bool);
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory);
    function envOr(string calldata name, bool otherwise) external view returns (bool);
    function toString(uint256 value) external pure returns (string memory);
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

/// @title Assertions that say what they saw
abstract contract Checks {
    error NotEqual(string what, uint256 got, uint256 wanted);
    error Wrong(string what);

    function check(bool holds, string memory what) internal pure {
        if (!holds) revert Wrong(what);
    }

    function same(uint256 got, uint256 wanted, string memory what) internal pure {
        if (got != wanted) revert NotEqual(what, got, wanted);
    }

    function same(bytes32 got, bytes32 wanted, string memory what) internal pure {
        same(uint256(got), uint256(wanted), what);
    }

    /// @dev A number from `least` to `most`, both ends likely.
    function within(uint256 x, uint256 least, uint256 most) internal pure returns (uint256) {
        uint256 size = most - least + 1;
        if (x >= type(uint256).max - 3) return most;
        return size == 0 ? x : least + x % size;
    }
}
