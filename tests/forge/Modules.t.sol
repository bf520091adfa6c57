// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {IErrors} from "../../contracts/interfaces/IErrors.sol";
import {Acquittal, CostEntry, Equivocation, FalseReport} from "../../contracts/types/Game.sol";
import {Misplaced, Upgradable} from "./Attackers.sol";
import {Play} from "./Play.sol";
import {vm} from "./Vm.sol";

/// @title A game is bound to the code that games share, to its terms and to its one opening
/// @dev Every check is also made where its fault is planted, and has to see it.
contract ModulesTest is Play {
    uint256 private constant CLONE_BYTES = 45; // of a game's code before its terms
    bytes32 private constant UPGRADE_SLOT = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);

    address private bookkeeper;
    address private implementation;
    bytes32[2] private shared;

    function setUp() public {
        kind = Kind(4, 2, 4, true, 1, false);
        _opened(0);
        approve(1);
        (bookkeeper, implementation) = (module(0), module(1));
        shared = [bookkeeper.codehash, implementation.codehash];
    }

    // A foreign implementation, and other terms

    function test_a_game_is_what_its_creation_returns() public {
        check(_bound(address(game)), "the game itself");
    }

    function test_a_foreign_implementation_behind_a_game_is_seen() public {
        bytes memory creation = _bytecode();
        address foreign = address(new Upgradable());
        for (uint256 i; i < 20; ++i) {
            creation[creation.length - 20 + i] = bytes20(foreign)[i];
        }
        address at = _create(bytes.concat(creation, _arguments()), _leastPool());
        check(at.code.length == address(game).code.length, "the game on foreign code");
        check(!_bound(at), "foreign code that nobody saw");
        creation = _bytecode();
        creation[creation.length - 1] ^= 0x01;
        check(_create(bytes.concat(creation, _arguments()), _leastPool()) == address(0), "a game on no code");
    }

    function test_other_code_in_the_place_of_a_module_is_seen() public {
        for (uint256 i; i < 2; ++i) {
            vm.etch(module(i), hex"00");
            check(!_bound(address(game)), "a module that nobody saw change");
            _install();
            check(_bound(address(game)), "the modules put back");
        }
    }

    /// Terms are the creation's: with any other bit the code is not what the creation returns there.
    function testFuzz_a_clone_with_other_terms_is_seen(uint256 at, uint8 bit) public {
        bytes memory code = address(game).code;
        code[within(at, CLONE_BYTES, code.length - 1)] ^= bytes1(uint8(1 << (bit & 7)));
        address clone = address(0xc10e);
        vm.etch(clone, code);
        check(!_bound(clone), "other terms at another address");
        vm.etch(address(game), code);
        check(!_bound(address(game)), "other terms in the game's place");
    }

    /// Why it matters: where terms count no attackers four seats of seven end a round, and not five.
    function test_what_other_terms_allow_the_game_refuses() public {
        kind = Kind(7, 2, 7, true, 2, false);
        quorumChoice = 1;
        _opened(0);
        bytes memory data = signed(block_(true, 5), 15);
        check(refused(STRANGER, 0, data) == IErrors.QuorumMissing.selector, "four of seven");
        bytes memory code = address(game).code;
        code[CLONE_BYTES + 32 * 5 + 31] = 0; // attackers, the sixth word
        vm.etch(address(game), code);
        check(!_bound(address(game)), "terms that nobody saw");
        must(STRANGER, 0, data);
    }

    // A module that is called itself

    function testFuzz_a_module_called_directly_is_no_game(uint256 which, bytes calldata rest) public {
        bytes[15] memory calls = _calls(rest);
        check(_refusesAll(implementation, calls[which % 15]), "the implementation as a game");
        check(_refusesAll(bookkeeper, calls[which % 15]), "the bookkeeper as a game");
    }

    /// Planted: the code does not know its own address any more, which is how it knows that it is no game.
    function test_a_module_without_its_guard_is_seen() public {
        bytes memory code = implementation.code;
        for (uint256 i; i + 20 <= code.length; ++i) {
            bytes20 here;
            assembly {
                here := mload(add(add(code, 32), i))
            }
            if (here != bytes20(implementation)) continue;
            for (uint256 k; k < 20; ++k) {
                code[i + k] = 0;
            }
        }
        vm.etch(implementation, code);
        check(!_refusesAll(implementation, _calls("")[0]), "a module that takes itself for a game");
    }

    // A game that is opened again

    function testFuzz_a_game_is_opened_once(bytes32 salt, bool byEnvironment, bytes calldata rest) public {
        check(!_reopens(byEnvironment ? environment : STRANGER, byEnvironment ? SALT : salt), "opened again");
        bytes memory creation = bytes.concat(_bytecode(), _arguments(), rest);
        (bool done,) = call(environment, 0, creation);
        check(!done && agrees() && _bound(address(game)), "created again");
    }

    /// Planted: the game has forgotten that it was opened.
    function test_a_second_opening_is_seen() public {
        vm.record();
        game.genesis();
        (bytes32[] memory reads,) = vm.accesses(address(game));
        vm.store(address(game), reads[0], 0);
        check(_reopens(environment, SALT), "a second opening that nobody saw");
    }

    // Upgrades and destruction

    function testFuzz_nothing_upgrades_or_destroys_a_game(uint256 which, address to, bytes calldata rest) public {
        check(!_upgrades(which, to, rest), "an upgrade");
        check(agrees(), "the game afterwards");
    }

    function test_an_upgrade_is_seen() public {
        vm.etch(implementation, address(new Upgradable()).code);
        shared[1] = implementation.codehash;
        check(_upgrades(0, STRANGER, ""), "an upgrade that nobody saw");
        vm.store(address(game), UPGRADE_SLOT, 0);
        check(_upgrades(3, STRANGER, ""), "a destruction that nobody saw");
    }

    // One layout of storage

    function test_both_halves_of_the_code_mean_the_same_storage() public {
        approve(2);
        settleRewards(tip.round - 1, 7);
        check(agrees(), "the history after a settlement");
        playOut();
        settleAll(8);
        closes();
        owesByBooks(false);
    }

    /// Planted: a bookkeeper that keeps what is settled in the slot of the head.
    function test_another_layout_is_seen() public {
        approve(2);
        vm.etch(bookkeeper, address(new Misplaced()).code);
        settleRewards(tip.round - 1, 7);
        check(!agrees(), "another layout that nobody saw");
    }

    /// @dev Whether code and terms at an address are what this creation gives there, and the shared code the shipped.
    function _bound(address at) private returns (bool) {
        bytes32 found = at.codehash;
        uint256 start = vm.snapshotState();
        vm.etch(at, bytes.concat(_bytecode(), _arguments()));
        vm.deal(environment, FORTUNE);
        vm.roll(deployedAt);
        vm.prank(environment, environment);
        (bool done, bytes memory expected) = at.call{value: _leastPool()}("");
        vm.revertToState(start);
        bool same_ = bookkeeper.codehash == shared[0] && implementation.codehash == shared[1];
        return done && same_ && found == keccak256(expected);
    }

    /// @dev Whether a module takes a call for none of its own, and keeps nothing of it.
    function _refusesAll(address module_, bytes memory data) private returns (bool) {
        vm.record();
        vm.prank(STRANGER, STRANGER);
        (bool done, bytes memory output) = module_.call(data);
        (, bytes32[] memory writes) = vm.accesses(module_);
        bool known = output.length >= 4 && bytes4(output) == IErrors.NotAGame.selector;
        // The bookkeeper lacks some of the calls.
        return !done && writes.length == 0 && (known || (module_ == bookkeeper && output.length == 0));
    }

    function _calls(bytes memory rest) private view returns (bytes[15] memory) {
        Equivocation memory proof;
        FalseReport memory lie;
        Acquittal memory shown;
        return [
            abi.encodeCall(IChainBandit.open, (SALT)), abi.encodeCall(IChainBandit.join, (keysOf(0))),
            abi.encodePacked(IChainBandit.submitBlocks.selector, rest),
            abi.encodeCall(IChainBandit.skip, (0, 7, rest)), abi.encodeCall(IChainBandit.skipAfterDeadline, (0)),
            abi.encodeCall(IChainBandit.reportEquivocation, (proof)),
            abi.encodeCall(IChainBandit.reportFalse, (lie)), abi.encodeCall(IChainBandit.acquit, (shown)),
            abi.encodeCall(IChainBandit.settleRewards, (9, rest)), abi.encodeCall(IChainBandit.settleSums, (rest)),
            abi.encodeCall(IChainBandit.revealSeal, (SECRET)),
            abi.encodeCall(IChainBandit.reveal, (SECRET, roles(), rest)),
            abi.encodeCall(IChainBandit.settleCosts, (new CostEntry[](0))), abi.encodeCall(IChainBandit.close, ()),
            abi.encodeCall(IChainBandit.withdraw, ())
        ];
    }

    function _reopens(address sender, bytes32 salt) private returns (bool done) {
        bytes4 why;
        bytes memory output;
        (done, output) = call(sender, 0, abi.encodeCall(IChainBandit.open, (salt)));
        if (!done) why = bytes4(output);
        check(done || why == IErrors.AlreadyOpened.selector || why == IErrors.NotEnvironment.selector, "the reason");
    }

    /// @dev Whether what proxies are upgraded or destroyed by changes the game's code, the shared code, or where it is.
    function _upgrades(uint256 which, address to, bytes memory rest) private returns (bool) {
        bytes[6] memory calls = [
            abi.encodeWithSignature("upgradeTo(address)", to),
            abi.encodeWithSignature("upgradeToAndCall(address,bytes)", to, rest),
            abi.encodeWithSignature("changeAdmin(address)", to), abi.encodeWithSignature("destroy()"),
            abi.encodeWithSignature("initialize(address)", to), rest
        ];
        bytes memory data = calls[which % 6];
        bytes32 own = address(game).codehash;
        bool taken;
        for (uint256 i; i < 3; ++i) {
            address[3] memory to_ = [address(game), implementation, bookkeeper];
            address sender = i == 0 ? environment : STRANGER;
            vm.prank(sender, sender);
            (bool done,) = to_[i].call(data);
            taken = taken || (done && which % 6 != 5);
        }
        bool moved = vm.load(address(game), UPGRADE_SLOT) != 0 || own != address(game).codehash;
        return taken || moved || bookkeeper.codehash != shared[0] || implementation.codehash != shared[1];
    }
}
