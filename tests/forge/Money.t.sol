// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {IErrors} from "../../contracts/interfaces/IErrors.sol";
import {SKIP} from "../../contracts/types/Game.sol";
import {Attacker, Force} from "./Attackers.sol";
import {Blocks} from "./Blocks.sol";
import {Play} from "./Play.sol";
import {vm} from "./Vm.sol";

/// @title Every wei that came in is owed, paid or burned; nobody gets it twice and nobody can keep it from others
contract MoneyTest is Play {
    bytes private attacker;

    function setUp() public {
        attacker = address(new Attacker()).code;
        _opened(0);
    }

    function _force(uint256 wei_) private {
        vm.deal(address(this), wei_);
        new Force{value: wei_}(address(game));
        forced += wei_;
    }

    function _end(uint256 seed) private {
        if (seed & 1 == 0) {
            playOut();
        } else {
            for (uint256 i; i < seed % 4; ++i) {
                approve(seed >> i);
            }
            vm.roll(vm.getBlockNumber() + p.gameBlocks + 1);
        }
    }

    function _close(uint256 seed) private {
        _end(seed);
        if (seed & 2 == 0 && round > p.burnIn + 1) settleAll(seed >> 8);
        else vm.roll(vm.getBlockNumber() + p.gameBlocks + p.settlementWindow + 1);
        must(STRANGER, 0, abi.encodeCall(IChainBandit.close, ()));
    }

    function testFuzz_all_wei_are_owed_or_burned_once_closed(uint256 seed, uint96 surplus, uint96 forced_) public {
        _opened(surplus);
        _force(forced_);
        _close(seed);
        same(owedToAll() + newlyBurned(), deposits, "owed and burned");
        everybodyWithdraws();
        same(address(game).balance, forced, "what is left");
        for (uint256 i; i < PEOPLE; ++i) {
            check(
                refused(seats[i], 0, abi.encodeCall(IChainBandit.withdraw, ())) == IErrors.NothingOwed.selector, "again"
            );
        }
    }

    function testFuzz_nothing_is_owed_before_the_close(uint256 seed) public {
        same(owedToAll(), 0, "owed while the game runs");
        _end(seed);
        same(owedToAll(), 0, "owed before the close");
        if (round > p.burnIn + 1) settleAll(seed);
        same(owedToAll(), 0, "owed before the close");
        for (uint256 i; i < PEOPLE; ++i) {
            refused(seats[i], 0, abi.encodeCall(IChainBandit.withdraw, ()));
        }
        refused(environment, 0, abi.encodeCall(IChainBandit.withdraw, ()));
    }

    function testFuzz_what_is_owed_does_not_depend_on_forced_wei_or_on_who_withdraws_first(uint256 seed, uint96 wei_)
        public
    {
        uint256 start = vm.snapshotState();
        _close(seed);
        uint256[] memory due = new uint256[](PEOPLE + 1);
        for (uint256 i; i <= PEOPLE; ++i) {
            due[i] = game.owed(i == PEOPLE ? environment : seats[i]);
        }
        vm.revertToState(start);
        _force(wei_);
        _close(seed);
        for (uint256 n; n <= PEOPLE; ++n) {
            uint256 i = (n + (seed >> 100)) % (PEOPLE + 1);
            address account = i == PEOPLE ? environment : seats[i];
            same(game.owed(account), due[i], "owed");
            if (due[i] != 0) must(account, 0, abi.encodeCall(IChainBandit.withdraw, ()));
        }
    }

    function testFuzz_unopened_game_gives_everything_back(uint256 joined, uint96 surplus) public {
        _deploy(surplus);
        joined %= PEOPLE + 1;
        for (uint256 seat; seat < joined; ++seat) {
            must(seats[seat], p.stake, abi.encodeCall(IChainBandit.join, ()));
            deposits += p.stake;
        }
        same(owedToAll(), 0, "owed before the deadline");
        vm.roll(vm.getBlockNumber() + p.openingDeadline);
        same(owedToAll(), 0, "owed in the deadline's block");
        vm.roll(vm.getBlockNumber() + 1);
        same(owedToAll(), deposits, "owed after the deadline");
        refused(environment, 0, abi.encodeCall(IChainBandit.open, (SALT)));
        everybodyWithdraws();
        same(address(game).balance, 0, "what is left");
    }

    function testFuzz_stake_is_exact_and_seats_are_few(uint256 wei_, address account) public {
        _deploy(0);
        vm.assume(account != environment && account.code.length == 0 && account != address(vm));
        vm.deal(account, FORTUNE);
        wei_ = within(wei_, 0, 2 * uint256(p.stake));
        if (wei_ != p.stake) {
            refused(account, wei_, abi.encodeCall(IChainBandit.join, ()));
        }
        refused(environment, p.stake, abi.encodeCall(IChainBandit.join, ()));
        must(account, p.stake, abi.encodeCall(IChainBandit.join, ()));
        refused(account, p.stake, abi.encodeCall(IChainBandit.join, ()));
        refused(environment, 0, abi.encodeCall(IChainBandit.open, (SALT)));
        for (uint256 seat = 1; seat < PEOPLE; ++seat) {
            must(seats[seat], p.stake, abi.encodeCall(IChainBandit.join, ()));
        }
        refused(STRANGER, p.stake, abi.encodeCall(IChainBandit.join, ()));
        same(address(game).balance, deposits + PEOPLE * uint256(p.stake), "stakes");
    }

    /// Whatever an account becomes, it gets no more than it is owed, and all others get theirs.
    function testFuzz_attackers_keep_nothing_from_others(uint256 seed, uint8 how, uint8 who) public {
        _close(seed);
        address account = who % (PEOPLE + 1) == PEOPLE ? environment : seats[who % (PEOPLE + 1)];
        uint256 due = game.owed(account);
        uint256 held = address(game).balance;
        vm.etch(account, attacker);
        Attacker(payable(account)).become(Attacker.How(how % (uint8(type(Attacker.How).max) + 1)), game);
        uint256 others = owedToAll() - due;
        vm.prank(account, account);
        (bool done,) = address(game).call{gas: 2_000_000}(abi.encodeCall(IChainBandit.withdraw, ()));
        same(held - address(game).balance, done ? due : 0, "what the attacker got");
        same(owedToAll(), others + (done ? 0 : due), "what is owed afterwards");
        vm.etch(account, "");
        if (done) paidOut += due;
        everybodyWithdraws();
        same(address(game).balance, 0, "what is left");
    }

    function test_every_attacker_is_met() public {
        uint256 refusing;
        for (uint256 how; how <= uint256(type(Attacker.How).max); ++how) {
            uint256 start = vm.snapshotState();
            _close(0);
            vm.etch(seats[1], attacker);
            Attacker(payable(seats[1])).become(Attacker.How(how), game);
            vm.prank(seats[1], seats[1]);
            (bool done,) = address(game).call{gas: 2_000_000}(abi.encodeCall(IChainBandit.withdraw, ()));
            if (!done) ++refusing;
            check(done == (Attacker(payable(seats[1])).calls() == 1 || how == 11), "a payment that ran no code");
            vm.revertToState(start);
        }
        same(refusing, 4, "attackers that cannot be paid");
    }

    function testFuzz_time_alone_frees_all_money(uint256 seed, uint8 stage) public {
        if (stage % 6 == 0) _deploy(seed % 1e18);
        if (stage % 6 == 2) _end(seed);
        if (stage % 6 == 3) {
            playOut();
            must(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)));
        }
        if (stage % 6 == 4) {
            playOut();
            settleAll(seed);
        }
        if (stage % 6 == 5) _close(seed);
        nothingIsTrapped();
    }

    function testFuzz_nobody_but_the_environment_settles(address caller, uint256 seed) public {
        vm.assume(caller != environment && caller != address(vm));
        playOut();
        bytes memory all = pulls(approvedBetween(settled + 1, round - 1), seed);
        refused(caller, 0, abi.encodeCall(IChainBandit.settleRewards, (round - 1, all)));
        refused(caller, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)));
        must(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (round - 1, all)));
        must(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)));
        refused(caller, 0, abi.encodeCall(IChainBandit.settleCosts, (entries(1, seed))));
    }

    /// Settled at once or in pieces, everybody is owed the same.
    function testFuzz_settling_in_pieces_comes_to_the_same(uint256 seed, uint256 cut) public {
        for (uint256 i; round <= p.horizon; ++i) {
            if (seed >> i & 3 == 0) {
                must(STRANGER, 0, Blocks.skip(EVERYBODY, signatures(0, EVERYBODY)));
                note(SKIP, "");
            } else {
                approve(seed >> i);
            }
        }
        uint256 start = vm.snapshotState();
        uint32 last = round - 1;
        bytes memory all = pulls(approvedBetween(p.burnIn + 1, last), seed);
        must(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (last, all)));
        must(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)));
        must(environment, 0, abi.encodeCall(IChainBandit.settleCosts, (entries(notes.length, seed))));
        must(STRANGER, 0, abi.encodeCall(IChainBandit.close, ()));
        uint256[] memory due = new uint256[](PEOPLE);
        for (uint256 i; i < PEOPLE; ++i) {
            due[i] = game.owed(seats[i]);
        }
        vm.revertToState(start);
        _inPieces(seed, cut, last, all);
        for (uint256 i; i < PEOPLE; ++i) {
            same(game.owed(seats[i]), due[i], "owed after pieces");
        }
    }

    function _inPieces(uint256 seed, uint256 cut, uint32 last, bytes memory all) private {
        uint32 first = p.burnIn + 1 + uint32(cut % (last - p.burnIn - 1));
        uint256 bytes_ = approvedBetween(p.burnIn + 1, first) * PEOPLE * 5;
        must(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (first, _part(all, 0, bytes_))));
        refused(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (first, _part(all, 0, bytes_))));
        must(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (last, _part(all, bytes_, all.length))));
        must(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)));
        refused(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, ROLES, MODEL)));
        uint256 n = 1 + (cut >> 64) % (notes.length - 1);
        must(environment, 0, abi.encodeCall(IChainBandit.settleCosts, (entries(n, seed))));
        refused(environment, 0, abi.encodeCall(IChainBandit.settleCosts, (entries(1, seed))));
        refused(STRANGER, 0, abi.encodeCall(IChainBandit.close, ()));
        revealedDown = n;
        must(environment, 0, abi.encodeCall(IChainBandit.settleCosts, (entries(notes.length - n, seed >> n))));
        must(STRANGER, 0, abi.encodeCall(IChainBandit.close, ()));
    }

    function _part(bytes memory data, uint256 from, uint256 to) private pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = from; i < to; ++i) {
            part[i - from] = data[i];
        }
    }
}
