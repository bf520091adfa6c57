// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {IErrors} from "../../contracts/interfaces/IErrors.sol";
import {CostEntry, MAX_WEIGHT} from "../../contracts/types/Game.sol";
import {Attacker, Force} from "./Attackers.sol";
import {Play} from "./Play.sol";
import {vm} from "./Vm.sol";

/// @title Every wei that came in is owed, paid or burned; nobody gets it twice and nobody can keep it from others
/// forge-config: deep.fuzz.runs = 10000
contract MoneyTest is Play {
    bytes private attacker;

    function setUp() public virtual {
        attacker = address(new Attacker()).code;
        _opened(0);
    }

    function _force(uint256 wei_) private {
        vm.deal(address(this), wei_);
        new Force{value: wei_}(address(game));
        forced += wei_;
    }

    /// @dev Often somebody equivocates, sometimes everybody.
    function _end(uint256 seed) private {
        for (uint256 seat; seat < people(); ++seat) {
            if (seed >> 240 & 7 == 0 && seed >> (243 + seat) & 1 == 1) accuse(seat, seed);
        }
        for (uint256 seat; seat < people() && provable; ++seat) {
            if (seed >> (160 + seat) & 3 == 1) lie(seat, seed);
        }
        if (seed & 1 == 0) {
            playOut();
        } else {
            for (uint256 i; i < seed % 4 && certifies(validators()); ++i) {
                approve(seed >> i);
            }
            vm.roll(vm.getBlockNumber() + p.gameBlocks + 1);
        }
    }

    /// @dev Somebody is proven to have lied, some of them are acquitted.
    function lie(uint256 seat, uint256 seed) internal {
        uint32 round = uint32(p.burnIn + (seed >> (seat + 30)) % (p.horizon - p.burnIn + 1));
        uint64 credited = uint64((seed >> (seat + 60)) % (p.horizon * UNIT / 2));
        must(STRANGER, 0, abi.encodeCall(IChainBandit.reportFalse, (falseReport(seat, round, credited, 1))));
        noteLie(seat, round, credited);
        if (seed >> (200 + seat) & 3 != 1) return;
        must(STRANGER, 0, abi.encodeCall(IChainBandit.acquit, (acquittal(seat))));
        acquitted[seat] = true;
    }

    function _close(uint256 seed) private {
        _end(seed);
        if (provable && seed & 4 == 0 && vm.getBlockNumber() <= halfOfWindow()) {
            uint256 seat = (seed >> 222) % people();
            if (lied[seat] == 0) lie(seat, seed >> 3);
        }
        if (seed & 2 == 0 && tip.round > p.burnIn + 1) settleAll(seed >> 8);
        else vm.roll(vm.getBlockNumber() + p.gameBlocks + p.settlementWindow + 1);
        closes();
        owesByBooks(revealedDown == 0);
    }

    function testFuzz_all_wei_are_owed_or_burned_once_closed(uint256 seed, uint96 surplus, uint96 forced_) public {
        _opened(surplus);
        _force(forced_);
        _close(seed);
        same(owedToAll() + newlyBurned(), deposits, "owed and burned");
        everybodyWithdraws();
        same(address(game).balance, forced, "what is left");
        for (uint256 i; i < people(); ++i) {
            check(
                refused(seats[i], 0, abi.encodeCall(IChainBandit.withdraw, ())) == IErrors.NothingOwed.selector, "again"
            );
        }
    }

    function testFuzz_nothing_is_owed_before_the_close(uint256 seed) public {
        same(owedToAll(), 0, "owed while the game runs");
        _end(seed);
        same(owedToAll(), 0, "owed before the close");
        if (tip.round > p.burnIn + 1) settleAll(seed);
        same(owedToAll(), 0, "owed before the close");
        for (uint256 i; i < people(); ++i) {
            refused(seats[i], 0, abi.encodeCall(IChainBandit.withdraw, ()));
        }
        refused(environment, 0, abi.encodeCall(IChainBandit.withdraw, ()));
    }

    function testFuzz_what_is_owed_does_not_depend_on_forced_wei_or_on_who_withdraws_first(uint256 seed, uint96 wei_)
        public
    {
        uint256 start = vm.snapshotState();
        _close(seed);
        uint256[] memory due = new uint256[](people() + 1);
        for (uint256 i; i <= people(); ++i) {
            due[i] = game.owed(accountAt(i));
        }
        vm.revertToState(start);
        _force(wei_);
        _close(seed);
        for (uint256 n; n <= people(); ++n) {
            uint256 i = (n + (seed >> 100)) % (people() + 1);
            address account = accountAt(i);
            same(game.owed(account), due[i], "owed");
            if (due[i] != 0) must(account, 0, abi.encodeCall(IChainBandit.withdraw, ()));
        }
    }

    function testFuzz_unopened_game_gives_everything_back(uint256 joined, uint96 surplus) public {
        _deploy(surplus);
        joined %= people() + 1;
        for (uint256 seat; seat < joined; ++seat) {
            must(seats[seat], deposit(seat), joining(seat));
            deposits += deposit(seat);
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

    function testFuzz_deposit_is_as_many_stakes_as_the_weight(uint16 weight, uint256 wei_, uint256 seed) public {
        if (seed & 1 == 1) weight = uint16(within(weight, 1, MAX_WEIGHT + 1));
        bool drawn = seed & 6 != 0;
        kind.drawn = drawn;
        _deploy(0);
        uint256 whole = weight * uint256(p.stake);
        wei_ = seed & 8 == 0 ? within(wei_, 0, 2 * whole) : (uint256(weight) + within(wei_, 0, 2)) * p.stake;
        bytes memory data = abi.encodeCall(IChainBandit.join, (keysOf(0, weight)));
        if (wei_ != whole) refused(seats[0], wei_, data);
        if (weight == 0 || weight > (drawn ? MAX_WEIGHT : 1)) {
            refused(seats[0], whole, data);
            return;
        }
        must(seats[0], whole, data);
        deposits += whole;
        same(address(game).balance, deposits, "the deposit");
        vm.roll(vm.getBlockNumber() + p.openingDeadline + 1);
        same(game.owed(seats[0]), whole, "what comes back");
        same(owedToAll(), deposits, "owed after the deadline");
        everybodyWithdraws();
        same(address(game).balance, 0, "what is left");
    }

    function testFuzz_stake_is_exact_and_seats_are_few(uint256 wei_, address account) public {
        _deploy(0);
        vm.assume(account != environment && account.code.length == 0 && account != address(vm));
        for (uint256 seat = 1; seat < people(); ++seat) {
            vm.assume(account != seats[seat]);
        }
        vm.deal(account, FORTUNE);
        wei_ = within(wei_, 0, 2 * deposit(0));
        if (wei_ != deposit(0)) {
            refused(account, wei_, joining(0));
        }
        refused(environment, deposit(0), joining(0));
        must(account, deposit(0), joining(0));
        refused(account, deposit(0), joining(0));
        refused(environment, 0, abi.encodeCall(IChainBandit.open, (SALT)));
        uint256 sum = deposit(0);
        for (uint256 seat = 1; seat < people(); ++seat) {
            must(seats[seat], deposit(seat), joining(seat));
            sum += deposit(seat);
        }
        refused(STRANGER, deposit(people()), joining(people()));
        same(address(game).balance, deposits + sum, "stakes");
    }

    /// Whatever an account becomes, it gets no more than it is owed, and all others get theirs.
    function testFuzz_attackers_keep_nothing_from_others(uint256 seed, uint8 how, uint8 who) public {
        _close(seed);
        address account = who % (people() + 1) == people() ? environment : seats[who % (people() + 1)];
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
            reveal();
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
        bytes memory all = bytes.concat(pulls(settled + 1, tip.round - 1, seed), rest(seed));
        refused(caller, 0, abi.encodeCall(IChainBandit.settleRewards, (tip.round - 1, all)));
        refused(caller, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, roles(), model())));
        settleRewards(tip.round - 1, seed);
        reveal();
        refused(caller, 0, abi.encodeCall(IChainBandit.settleCosts, (entries(1, seed))));
    }

    /// From its first blocked round on a seat can be credited nothing, and no cost concerns it.
    function testFuzz_blocked_earns_nothing(uint256 seed, uint256 seat, uint8 arm, uint32 reward) public {
        seat %= people();
        for (uint256 i; i < seed % 3; ++i) {
            approve(seed >> i);
        }
        accuse(seat, seed);
        playOut();
        uint32 last = tip.round - 1;
        bytes memory all = pulls(settled + 1, last, seed);
        uint256 at = all.length - 5 * (people() - seat);
        bytes memory wrong = bytes.concat(all);
        (wrong[at], wrong[at + 1], wrong[at + 2]) = (bytes1(arm), bytes1(uint8(reward >> 24)), bytes1(uint8(reward >> 16)));
        if (keccak256(wrong) != keccak256(all)) {
            wrong = bytes.concat(wrong, rest(0));
            refused(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (last, wrong)));
        }
        settleAll(seed);
        closes();
        owesByBooks(false);
        check(costly[seat] <= since[seat] - p.burnIn, "a cost of who is blocked");
    }

    /// Settled at once or in pieces, everybody is owed the same.
    function testFuzz_settling_in_pieces_comes_to_the_same(uint256 seed, uint256 cut) public {
        if (seed >> 255 == 1) accuse(seed % people(), seed);
        for (uint256 i; tip.round <= p.horizon; ++i) {
            if (seed >> i & 3 == 0) skip(validators());
            else approve(seed >> i);
        }
        uint32 first = p.burnIn + 1 + uint32(cut % (tip.round - 2 - p.burnIn));
        bytes memory piece = pulls(settled + 1, first, seed);
        settleRewards(first, seed);
        refused(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (first, piece)));
        settleRewards(tip.round - 1, seed);
        reveal();
        refused(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, roles(), model())));
        CostEntry[] memory again = entries(1, 0);
        settleCosts(1 + (cut >> 64) % (notes.length - 1), seed);
        if (again[0].parent != entries(1, 0)[0].parent) {
            refused(environment, 0, abi.encodeCall(IChainBandit.settleCosts, (again)));
        }
        refused(STRANGER, 0, abi.encodeCall(IChainBandit.close, ()));
        settleCosts(notes.length - revealedDown, seed >> 128);
        closes();
        owesByBooks(false);
        same(owedToAll() + newlyBurned(), deposits, "owed and burned");
    }
}

/// @title The same where a round costs by distance
/// forge-config: deep.fuzz.runs = 10000
contract DistanceMoneyTest is MoneyTest {
    constructor() {
        costKind = 1;
    }
}

/// @title The same where validators are drawn, and seats weigh and deposit more than one stake
/// forge-config: deep.fuzz.runs = 10000
contract WeighedMoneyTest is MoneyTest {
    function setUp() public override {
        kind.drawn = true;
        super.setUp();
    }
}

/// @title The same where false reports are proven
contract ProvableMoneyTest is MoneyTest {
    function setUp() public override {
        provable = true;
        super.setUp();
    }
}

/// @title The same where the burn-in is paid too
/// forge-config: deep.fuzz.runs = 10000
contract PaidBurnInMoneyTest is MoneyTest {
    function setUp() public override {
        (provable, paysBurnIn) = (true, true);
        super.setUp();
    }
}
