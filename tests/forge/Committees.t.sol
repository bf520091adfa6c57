// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {IErrors} from "../../contracts/interfaces/IErrors.sol";
import {SKIP} from "../../contracts/types/Game.sol";
import {Blocks} from "./Blocks.sol";
import {Model} from "./Model.sol";
import {Play} from "./Play.sol";
import {vm} from "./Vm.sol";

/// @title Lanes, words and masks against the numbers one by one, in a game whose seats and arms fill no word
/// @dev One signature certifies: the committee is a single seat. Reputations are put behind the contract's back.
contract CommitteesTest is Play {
    bytes32[] private slots; // of the reputations

    function setUp() public {
        kind = Kind(20, 11, 1, false, 0, false);
        _opened(0);
        waitOut();
        approve(1);
        vm.record();
        game.reputations();
        (bytes32[] memory reads,) = vm.accesses(address(game));
        check(reads.length == 2, "where the reputations lie");
        slots = reads;
    }

    /// @dev Gives every seat some reputation, often few different ones.
    function _shuffle(uint256 seed) private {
        uint256 style = seed & 3;
        uint256[2] memory words;
        for (uint256 seat; seat < people(); ++seat) {
            uint256 chance = uint256(Blocks.hash(seed, "reputation", seat));
            uint256 value = style == 0 ? chance & 65535 : style == 1 ? 32768 + chance % 3 : (chance & 1) * 65535;
            if (style == 3) value = chance % 9000;
            tip.reputations[seat] = value;
            words[seat / 16] |= value << (240 - 16 * (seat % 16));
        }
        vm.store(address(game), slots[0], bytes32(words[0]));
        vm.store(address(game), slots[1], bytes32(words[1]));
    }

    /// Only the best are taken, whatever the reputations, ties and block list.
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_committee_is_taken_exactly_when_it_is_the_best(uint256 seed, uint256 wrong, uint256 skips) public {
        for (uint256 i; i < skips % 4; ++i) {
            waitOut();
        }
        _shuffle(seed);
        uint256 best = committeeAfterSkip();
        uint256 other = best;
        uint256 one = wrong % people();
        uint256 two = (wrong >> 8) % people();
        if (wrong >> 16 & 3 == 0) other = wrong & everybody();
        if (wrong >> 16 & 3 == 1) other ^= 1 << one;
        if (wrong >> 16 & 3 == 2) other ^= 1 << one ^ 1 << two;
        if (wrong >> 16 & 3 == 3) other |= 1 << (20 + wrong % 200);
        vm.roll(vm.getBlockNumber() + p.skipDeadline + 1);
        if (other != best) {
            bytes4 error = refused(STRANGER, 0, abi.encodeCall(IChainBandit.skipAfterDeadline, (other)));
            bool count = other & ~everybody() != 0 || Model.bits(other) != Model.bits(best);
            check(
                error == (count ? IErrors.CommitteeMalformed.selector : IErrors.CommitteeNotBest.selector), "the reason"
            );
        }
        must(STRANGER, 0, waitingOut());
        noteSkip();
        check(agrees(), "the game");
        address[] memory named = game.validators(tip.round);
        same(named.length, Model.bits(validators()), "validators");
        for (uint256 i; i < named.length; ++i) {
            check(Model.has(validators(), game.seatOf(named[i])), "a validator");
            check(i == 0 || named[i - 1] < named[i], "their order");
        }
    }

    /// Proofs take their seats out of committees, and the committee never holds who is blocked.
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_committee_leaves_out_the_block_list(uint256 seed, uint256 seats_) public {
        for (uint256 i; i < 1 + seats_ % 3; ++i) {
            uint256 seat = (seats_ >> (8 * i + 8)) % people();
            if (since[seat] == 0) accuse(seat, seed >> i);
        }
        for (uint256 i; i < 3; ++i) {
            _shuffle(uint256(keccak256(abi.encode(seed, i))));
            vm.roll(vm.getBlockNumber() + p.skipDeadline + 1);
            uint256 listed = blockedAt(tip.round + 1);
            if (listed != 0) {
                bytes memory all = abi.encodeCall(IChainBandit.skipAfterDeadline, (committeeAfterSkip() | listed));
                check(refused(STRANGER, 0, all) == IErrors.CommitteeMalformed.selector, "who is blocked");
            }
            must(STRANGER, 0, waitingOut());
            noteSkip();
            check(agrees(), "the game");
        }
    }

    /// The view ranks as the model does.
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_ranking_is_the_models(uint256 seed, uint8 count) public {
        _shuffle(seed);
        uint16[] memory ranked = game.committee(count);
        same(ranked.length, count < 20 ? count : 20, "how many");
        bytes32 seed_t = Model.roundSeed(seed_0, tip.round);
        uint256 set;
        for (uint256 i; i < ranked.length; ++i) {
            set += 1 << ranked[i];
            same(set, Model.best(tip.reputations, everybody(), i + 1, seed_t), "the first");
        }
    }

    /// Means and accuracies of any reports are what plain loops make of them: else the signatures would not fit.
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_means_and_accuracies_are_the_models(uint256 seed, bool approved) public {
        Blocks.Content memory c = block_(approved, seed);
        must(STRANGER, 0, signed(c, validators()));
        note(c);
        check(agrees(), "the game");
    }

    /// An estimator above one, or a radius beyond 31 bits, wherever it lies, is no estimator.
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_estimator_out_of_range_is_refused(uint256 seed, uint256 where, uint32 value) public {
        Blocks.Content memory c = block_(true, seed);
        uint256 reporter = where % (1 + Model.bits(c.reporters));
        uint256 arm = (where >> 128) % 11;
        value = uint32(within(value, reporter == 0 ? 2 ** 31 : UNIT + 1, type(uint32).max));
        uint256 at = 4 * arm + (reporter == 0 ? 0 : 44 + (reporter - 1) * (44 + 96));
        for (uint256 i; i < 4; ++i) {
            c.body[at + i] = bytes4(value)[i];
        }
        c.bodyDigest = keccak256(c.body);
        Blocks.seal(shape(), slot(), c);
        check(refused(STRANGER, 0, signed(c, validators())) == IErrors.EstimatorOutOfRange.selector, "the reason");
    }

    /// Nobody is selected without a report.
    /// forge-config: deep.fuzz.runs = 10000
    function testFuzz_selected_without_report_is_refused(uint256 seed, uint256 arm, uint256 seat) public {
        Blocks.Content memory c = block_(true, seed);
        seat %= people();
        vm.assume(!Model.has(c.reporters, seat));
        c.selected[arm % 11] |= 1 << seat;
        if (seed >> 100 & 1 == 0) {
            for (uint256 i; i < 11; ++i) {
                c.selected[i] = 1 << seat;
            }
        }
        Blocks.seal(shape(), slot(), c);
        check(refused(STRANGER, 0, signed(c, validators())) == IErrors.SelectedWithoutReport.selector, "the reason");
    }
}
