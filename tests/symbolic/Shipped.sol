// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {Vm} from "../forge/Vm.sol";

/// @title What halmos knows beyond the cheat codes of forge's suite
interface Cheats is Vm {
    function envAddress(string calldata name) external view returns (address);
    function envAddress(string calldata name, string calldata separator) external view returns (address[] memory);
    function envBytes(string calldata name) external view returns (bytes memory);
    function envUint(string calldata name) external view returns (uint256);
    function envUint(string calldata name, string calldata separator) external view returns (uint256[] memory);
    /// Every slot of it may hold anything from now on.
    function setArbitraryStorage(address account) external;
    function randomUint() external returns (uint256);
    function randomBytes(uint256 size) external returns (bytes memory);
}

Cheats constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

/// @title A game with the shipped code at the addresses that it computes, and with any storage
/// @dev Code, terms and places of variables come from `test_symbolic.py`, by the environment.
abstract contract Shipped {
    uint256 internal constant UNIT = 1e9;
    bytes32 private constant STATEMENT =
        keccak256("Statement(uint32 round,bytes32 parent,uint8 phase,uint8 role,uint16 instance,bytes32 content)");

    IChainBandit internal game;
    address internal environment;
    address[] internal seats;
    bytes32 internal head; // before the call, as the next
    uint256 internal round;

    function setUp() public virtual {
        game = IChainBandit(vm.envAddress("GAME"));
        environment = vm.envAddress("ENVIRONMENT");
        vm.etch(vm.envAddress("Bookkeeper"), vm.envBytes("Bookkeeper_CODE"));
        vm.etch(vm.envAddress("ChainBandit"), vm.envBytes("ChainBandit_CODE"));
        vm.etch(vm.envAddress("KEYS"), vm.envBytes("KEYS_CODE"));
        vm.etch(address(game), vm.envBytes("GAME_CODE"));
        vm.setArbitraryStorage(address(game));
        seats = vm.envAddress("SEATS", ",");
    }

    /// @dev A parameter of the game.
    function _term(string memory name) internal view returns (uint256) {
        return vm.envUint(string.concat("TERM_", name));
    }

    /// @dev A variable of the game.
    function _read(string memory label) internal view returns (uint256) {
        uint256[] memory place = _place(label);
        return uint256(vm.load(address(game), bytes32(place[0]))) >> place[1] & place[2];
    }

    /// @dev What a mapping of the game holds.
    function _read(string memory label, uint256 key) internal view returns (uint256) {
        return uint256(vm.load(address(game), keccak256(abi.encode(key, _place(label)[0]))));
    }

    /// @dev A variable that has a slot of its own.
    function _write(string memory label, uint256 value) internal {
        vm.store(address(game), bytes32(_place(label)[0]), bytes32(value));
    }

    function _write(string memory label, uint256 key, uint256 value) internal {
        vm.store(address(game), keccak256(abi.encode(key, _place(label)[0])), bytes32(value));
    }

    /// @dev Has everybody take their seats.
    function _sit() internal {
        _write("_roster.seats", seats.length);
        for (uint256 i; i < seats.length; ++i) {
            uint256 at = uint256(keccak256(abi.encode(_place("_roster.seats")[0]))) + i;
            vm.store(address(game), bytes32(at), bytes32(uint256(uint160(seats[i]))));
            _write("_roster.ordinal", uint160(seats[i]), 1 << 16 | i + 1);
        }
    }

    /// @dev Slot, the lowest bit in it, and the mask of so many bits.
    function _place(string memory label) private view returns (uint256[] memory) {
        return vm.envUint(string.concat("PLACE", label), ",");
    }

    /// @dev Notes which round is open, at a block.
    function _at(uint32 block_) internal {
        vm.roll(block_);
        head = bytes32(_read("_history.head"));
        round = uint32(_read("_history.packed"));
    }

    /// @dev Whether that round ended.
    function _ended() internal view returns (bool) {
        return bytes32(_read("_history.head")) != head || uint32(_read("_history.packed")) != round;
    }

    function _call(address caller, bytes memory data) internal returns (bool done) {
        vm.prank(caller, caller);
        (done,) = address(game).call(data);
    }

    /// @dev What is signed of a content in its slot.
    function _statement(uint256 when, bytes32 parent, uint256 phase, uint256 role, uint256 instance, bytes32 content)
        internal
        view
        returns (bytes32)
    {
        bytes32 statement = keccak256(abi.encode(STATEMENT, when, parent, phase, role, instance, content));
        return keccak256(abi.encodePacked(hex"1901", vm.envUint("SEPARATOR"), statement));
    }

    /// @dev Who signed it, in the compact form.
    function _signer(bytes32 digest, bytes32 r, bytes32 vs) internal pure returns (address) {
        return ecrecover(digest, uint8(uint256(vs >> 255)) + 27, r, vs & bytes32(type(uint256).max >> 1));
    }
}
