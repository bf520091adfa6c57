// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IChainBandit} from "../../contracts/interfaces/IChainBandit.sol";
import {
    Acquittal, APPROVED, BURNED, CostEntry, Equivocation, EXPLORATION, FalseReport, MAX_WEIGHT, Parameters, Reserved, SKIP
} from "../../contracts/types/Game.sol";
import {Blocks} from "./Blocks.sol";
import {Model} from "./Model.sol";
import {Checks, Vm, vm} from "./Vm.sol";

/// @title One real game: the shipped bytecode, keys of every seat, and a second set of books
abstract contract Play is Checks {
    /// @dev What games differ by.
    struct Kind {
        uint16 people;
        uint8 arms;
        uint16 validators;
        bool compact;
        uint16 bound; // of liars, and of attackers
        bool drawn; // validators, and who of them commands
    }

    /// @dev What is known before the open round, by the books.
    struct Tip {
        uint32 round;
        bytes32 head;
        uint256 failures;
        uint256 skips;
        uint256 explorations;
        uint256 committee;
        uint256[] reputations;
    }

    struct Note {
        bytes32 parent;
        uint8 kind;
        uint256 held; // by some B_i
        bytes header;
        uint256 arm;
        uint256 mean; // of that arm
    }

    uint256 internal constant UNIT = 1e9;
    uint256 internal constant FORTUNE = 1e30;
    uint128 internal constant SLASH = 7e9; // wei
    bytes32 internal constant SALT = keccak256("salt");
    bytes32 internal constant RULES = "a declaration that no one reads"; // of rules
    bytes32 internal constant SECRET = keccak256("secret");
    address internal constant STRANGER = address(0x57a26e);
    uint256 internal constant ENVIRONMENT_KEY = 0xe17;
    address internal constant environment = 0x97B2FA876E54784588Bd5cebD1038FaD9b3Cd251; // of that key

    Kind internal kind = Kind(4, 2, 4, false, 1, false);
    uint8 internal costKind; // 0 constant, 1 by distance
    bool internal provable; // reports name the round whose tally they rest on
    bool internal paysBurnIn;
    uint8 internal quorumChoice; // 0 majority, 1 two thirds
    uint8 internal asked; // trust classes that the game's rules ask for, and what these imply
    uint128 internal drawing = 3 * 2 ** 62; // the chance to be drawn, over 2 ** 64, where anybody is
    Parameters internal p;
    IChainBandit internal game;
    uint256[] internal keys;
    address[] internal seats;

    // The second set of books.
    Tip internal tip;
    Note[] internal notes;
    bytes32 internal seed_0;
    uint256[] internal since; // by seat, 0 for never
    uint256[] internal earned; // by seat, in units
    uint256[] internal waiting; // by seat, rewards of the burn-in before a pull after it
    uint256[] internal costly; // by seat, rounds that changed what it is owed
    uint256[] internal charged; // by seat, what those rounds cost, in units
    uint32[] internal lied; // by seat, the first round with a proven false report, 0 for none
    uint32[] internal provenBy; // by seat, the round of the last proof taken
    uint256[] internal keeps; // by seat, units, where it lied
    bool[] internal listed; // by seat, for a false report alone
    bool[] internal spared; // by seat, for a false report at first: it validates on
    bool[] internal acquitted;
    uint256 internal deposits;
    uint256 internal paidOut;
    uint256 internal forced;
    uint256 internal burnedBefore;
    uint256 internal revealedDown;
    uint32 internal settled;
    uint256 internal deployedAt;
    uint256 internal openedAt;

    function _parameters() internal view returns (Parameters memory) {
        return Parameters({
            participants: kind.people,
            validators: kind.validators,
            arms: kind.arms,
            horizon: 2 * uint32(kind.arms) + 6,
            burnIn: 2 * uint32(kind.arms),
            liars: kind.bound,
            attackers: kind.bound,
            threshold: 2,
            rules: keccak256(abi.encode(RULES)),
            attested: asked | (kind.compact ? 3 : 0) | (kind.drawn ? 4 : 0),
            payload: kind.arms + (provable ? 1 : 0),
            quorumChoice: quorumChoice,
            failureLimit: 2,
            c1Numerator: 2,
            c1Denominator: 1,
            c1PerReport: 1,
            bodyMode: kind.compact ? 1 : 0,
            unrecorded: 1,
            tolerance: uint32(UNIT / 10),
            skipPenalty: 4096,
            evidencePenalty: 40000,
            cost: costKind,
            sortition: kind.drawn ? drawing : 0,
            probing: kind.drawn ? 3 * 2 ** 62 : 2 ** 64,
            commanders: kind.drawn ? 2 ** 63 : 2 ** 64,
            weiPerUnit: 3,
            stake: (2 * uint128(kind.arms) + 6) * uint128(UNIT) * 3 + SLASH,
            openingDeadline: 50,
            skipDeadline: 10,
            burnInBlocks: 20,
            gameBlocks: 400,
            settlementWindow: 50,
            sealedGame: 0,
            unrevealedPenalty: 0,
            reserved: Reserved(SLASH, 0, 0, paysBurnIn ? 1 : 0, 0, 0, 0, 0)
        });
    }

    function _leastPool() internal view returns (uint256) {
        return 2 * uint256(p.participants) * p.horizon * UNIT * p.weiPerUnit;
    }

    // Set-up

    function _bytecode() internal view returns (bytes memory) {
        return vm.parseJsonBytes(_artifact(), ".bytecode");
    }

    function _artifact() private view returns (string memory) {
        return vm.readFile(vm.envOr("CHAIN_BANDIT_ARTIFACT", "chain_bandit/chain/artifacts/ChainBandit.json"));
    }

    /// Where the code lies that games share: the bookkeeper's, the implementation's.
    function module(uint256 i) internal view returns (address) {
        return vm.parseJsonAddress(_artifact(), string.concat(".modules[", vm.toString(i), "].address"));
    }

    /// The code that games share, once a chain.
    function _install() internal {
        for (uint256 i; i < 2; ++i) {
            string memory code = string.concat(".modules[", vm.toString(i), "].deployedBytecode");
            vm.etch(module(i), vm.parseJsonBytes(_artifact(), code));
        }
    }

    function _deploy(uint256 surplus) internal {
        p = _parameters();
        delete notes;
        delete tip;
        (deposits, paidOut, forced, revealedDown, settled) = (0, 0, 0, 0, 0);
        delete keys;
        delete seats;
        for (uint256 seat; seat < kind.people; ++seat) {
            keys.push(uint256(keccak256(abi.encode("key", seat))));
            seats.push(vm.addr(keys[seat]));
            vm.deal(seats[seat], FORTUNE);
        }
        (since, earned, costly) = (new uint256[](people()), new uint256[](people()), new uint256[](people()));
        (charged, waiting) = (new uint256[](people()), new uint256[](people()));
        (lied, provenBy, keeps) = (new uint32[](people()), new uint32[](people()), new uint256[](people()));
        (listed, acquitted, spared) = (new bool[](people()), new bool[](people()), new bool[](people()));
        bytes32 registered;
        for (uint256 seat; seat < people(); ++seat) {
            registered = keccak256(bytes.concat(registered, keysOf(seat)));
        }
        seed_0 = keccak256(abi.encodePacked(_addresses(), registered, SALT));
        vm.deal(environment, FORTUNE);
        vm.deal(STRANGER, FORTUNE);
        _install();
        address at = _create(bytes.concat(_bytecode(), _arguments()), _leastPool() + surplus);
        check(at != address(0), "the deployment");
        game = IChainBandit(at);
        burnedBefore = BURNED.balance;
        deposits = _leastPool() + surplus;
        deployedAt = vm.getBlockNumber();
    }

    /// What the creation's data end with.
    function _arguments() internal view returns (bytes memory) {
        bytes memory fixed_ = abi.encode(p, keccak256(abi.encode(SALT)), _commitment());
        // The place of the declaration is counted from the implementation's address, with which the shipped code ends.
        return bytes.concat(fixed_, abi.encode(32 + fixed_.length + 32, 32, RULES));
    }

    function _addresses() private view returns (bytes memory all) {
        for (uint256 seat; seat < seats.length; ++seat) {
            all = bytes.concat(all, bytes20(seats[seat]));
        }
    }

    function _commitment() internal view returns (bytes32) {
        return keccak256(abi.encode(SECRET, keccak256(roles()), keccak256(model())));
    }

    function _create(bytes memory code, uint256 wei_) internal returns (address at) {
        vm.prank(environment, environment);
        assembly {
            at := create(wei_, add(code, 32), mload(code))
        }
    }

    function _opened(uint256 surplus) internal {
        _deploy(surplus);
        for (uint256 seat; seat < people(); ++seat) {
            must(seats[seat], deposit(seat), joining(seat));
            deposits += deposit(seat);
        }
        must(environment, 0, abi.encodeCall(IChainBandit.open, (SALT)));
        _noteOpening();
    }

    function _noteOpening() internal {
        tip.head = keccak256(bytes.concat(game.game(), seed_0));
        tip.round = p.burnIn;
        tip.committee = everybody();
        tip.reputations = new uint256[](people());
        for (uint256 seat; seat < people(); ++seat) {
            tip.reputations[seat] = 32768;
        }
        openedAt = vm.getBlockNumber();
        settled = p.burnIn;
    }

    /// What a seat registers: nothing is drawn with it here, but each has its own.
    function keysOf(uint256 seat) internal view returns (bytes memory) {
        return keysOf(seat, uint16(weightOf(seat)));
    }

    function keysOf(uint256 seat, uint16 weight) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(2), seat, bytes32(0), weight);
    }

    function joining(uint256 seat) internal view returns (bytes memory) {
        return abi.encodeCall(IChainBandit.join, (keysOf(seat)));
    }

    /// The last seat weighs the most there is, where anybody may weigh more than 1.
    function weightOf(uint256 seat) internal view returns (uint256) {
        if (!kind.drawn) return 1;
        return seat + 1 == people() ? MAX_WEIGHT : 1 + 3 * seat;
    }

    function deposit(uint256 seat) internal view returns (uint256) {
        return weightOf(seat) * p.stake;
    }

    // Who is who

    function people() internal view returns (uint256) {
        return kind.people;
    }

    function everybody() internal view returns (uint256) {
        return 2 ** people() - 1;
    }

    /// @dev The first seat lies, the second attacks the consensus.
    function roles() internal view returns (bytes memory all) {
        all = new bytes(people());
        (all[0], all[1]) = (bytes1(uint8(1)), bytes1(uint8(2)));
    }

    /// @dev D(t).
    function blockedAt(uint256 round) internal view returns (uint256 set) {
        for (uint256 seat; seat < since.length; ++seat) {
            if (since[seat] != 0 && since[seat] <= round) set |= 1 << seat;
        }
    }

    /// @dev Who validates no round from this one on.
    function barredAt(uint256 round) internal view returns (uint256 set) {
        for (uint256 seat; seat < since.length; ++seat) {
            if (since[seat] != 0 && since[seat] <= round && !spared[seat]) set |= 1 << seat;
        }
    }

    /// @dev Who validates the open round.
    function validators() internal view returns (uint256) {
        return tip.committee & ~barredAt(tip.round);
    }

    function quorumSize() internal view returns (uint256) {
        uint256 count = Model.bits(validators());
        if (quorumChoice == 1) return (count + kind.bound) / 2 + 1;
        uint256 least = count / 2;
        uint256 expected = kind.drawn ? halfExpected() : 0;
        if (least < expected) least = expected;
        return (least > kind.bound ? least : kind.bound) + 1;
    }

    /// @dev Half of M p, rounded down.
    function halfExpected() internal view returns (uint256) {
        return people() * drawing / 2 ** 65;
    }

    function certifies(uint256 signers) internal view returns (bool) {
        return signers & ~validators() == 0 && Model.bits(signers) >= quorumSize();
    }

    /// @dev A quorum of the open round's validators, often more, by `seed`; all of them where there is none.
    function quorum(uint256 seed) internal view returns (uint256 signers) {
        uint256 all = validators();
        signers = seed & all;
        for (uint256 seat; seat < people() && Model.bits(signers) < quorumSize(); ++seat) {
            signers |= all & 1 << seat;
        }
    }

    // Calls

    /// @dev A transaction of `sender` whose own calldata is `data`.
    function call(address sender, uint256 value, bytes memory data) internal returns (bool done, bytes memory output) {
        vm.prank(sender, sender);
        (done, output) = address(game).call{value: value}(data);
    }

    function must(address sender, uint256 value, bytes memory data) internal returns (bytes memory) {
        (bool done, bytes memory output) = call(sender, value, data);
        if (!done) {
            assembly {
                revert(add(output, 32), mload(output))
            }
        }
        return output;
    }

    function refused(address sender, uint256 value, bytes memory data) internal returns (bytes4) {
        (bool done, bytes memory output) = call(sender, value, data);
        check(!done, "a call that must be refused");
        return bytes4(output);
    }

    // Rounds

    function shape() internal view returns (Blocks.Shape memory) {
        bool committees = kind.validators != kind.people || named();
        bool attested = kind.compact || asked & 3 != 0;
        return Blocks.Shape({
            people: people(), arms: kind.arms, tolerance: p.tolerance, compact: kind.compact, committees: committees,
            drawn: kind.drawn, attested: attested, kept: asked & 64 != 0,
            provable: provable
        });
    }

    /// @dev Whether a header says who validates next: who was drawn, or whom a rule chose.
    function named() internal view returns (bool) {
        return kind.drawn || asked & 128 != 0;
    }

    /// @dev How many of `eligible` a header names at least; of a draw as many as are more than half of it on average.
    function leastNamed(uint256 eligible) internal view returns (uint256) {
        uint256 least = kind.drawn ? halfExpected() + 1 : kind.validators;
        return least < Model.bits(eligible) ? least : Model.bits(eligible);
    }

    function slot() internal view returns (Blocks.Slot memory) {
        return slot(tip);
    }

    function slot(Tip memory t) internal view returns (Blocks.Slot memory) {
        return Blocks.Slot(vm.getChainId(), address(game), game.game(), t.round, t.head, blockedAt(t.round));
    }

    function block_(bool approved, uint256 seed) internal view returns (Blocks.Content memory) {
        return block_(tip, approved, seed);
    }

    function block_(Tip memory t, bool approved, uint256 seed) internal view returns (Blocks.Content memory c) {
        c = Blocks.some(shape(), everybody() & ~blockedAt(t.round), approved, seed);
        seal(t, c);
    }

    function seal(Tip memory t, Blocks.Content memory c) internal view {
        Tip memory n = after_(t, Blocks.kindOf(c), 0, c.accuracies);
        c.committee = n.committee;
        uint256 chance = uint256(c.bodyDigest);
        uint256 some = chance & n.committee;
        bool enough = Model.bits(some) >= leastNamed(n.committee);
        if (named() && n.explorations == t.explorations && enough) c.committee = some;
        if (kind.drawn) c.commanders = chance >> 128 & c.committee;
        Blocks.seal(shape(), slot(t), c);
    }

    /// @dev Whether the contract may take what a block says of the next round.
    function mayName(Tip memory t, Blocks.Content memory c) internal view returns (bool) {
        Tip memory n = after_(t, Blocks.kindOf(c), 0, c.accuracies);
        if (!named()) return !shape().committees || c.committee == n.committee;
        if (n.explorations != t.explorations && c.committee != n.committee) return false;
        if (!kind.drawn && Model.bits(c.committee) < leastNamed(n.committee)) return false;
        return c.committee != 0 && c.committee & ~n.committee == 0 && c.commanders & ~c.committee == 0;
    }

    /// @dev Calldata of one block.
    function signed(Blocks.Content memory c, uint256 signers) internal view returns (bytes memory) {
        return submission(c, signers, signatures(Blocks.digest(c), signers));
    }

    function submission(Blocks.Content memory c, uint256 signers, bytes memory all)
        internal
        view
        returns (bytes memory)
    {
        return Blocks.submission(Blocks.encode(shape(), c, signers, all));
    }

    function signatures(bytes32 content, uint256 signers) internal view returns (bytes memory) {
        return Blocks.signatures(keys, signers, Blocks.statement(slot(), content));
    }

    function skipping(uint256 signers) internal view returns (bytes memory) {
        bytes memory all = signatures(0, signers);
        return abi.encodeCall(IChainBandit.skip, (committeeAfterSkip(), signers, all));
    }

    /// @dev None is named where everybody validates.
    function committeeAfterSkip() internal view returns (uint256) {
        if (!shape().committees) return 0;
        return after_(tip, SKIP, 0, new uint256[](people())).committee;
    }

    function waitingOut() internal view returns (bytes memory) {
        return abi.encodeCall(IChainBandit.skipAfterDeadline, (committeeAfterSkip()));
    }

    // What records come to

    /// @dev The tip after a record and the exploration that may follow it.
    function after_(Tip memory t, uint8 kind_, bytes32 header, uint256[] memory accuracies)
        internal
        view
        returns (Tip memory n)
    {
        n = ended(t, kind_, header, accuracies);
        if (explores(n)) n = ended(n, EXPLORATION, 0, accuracies);
    }

    function explores(Tip memory n) internal view returns (bool) {
        return n.failures >= p.failureLimit && n.round <= p.horizon;
    }

    function ended(Tip memory t, uint8 kind_, bytes32 header, uint256[] memory accuracies)
        internal
        view
        returns (Tip memory n)
    {
        n.round = t.round + 1;
        n.head = Blocks.headAfter(t.head, t.round, kind_, header);
        n.failures = kind_ == APPROVED || kind_ == EXPLORATION ? 0 : t.failures + 1;
        n.explorations = t.explorations + (kind_ == EXPLORATION ? 1 : 0);
        n.reputations = t.reputations;
        if (kind_ == SKIP) {
            n.skips = t.skips + 1;
            n.reputations = Model.penalised(t.reputations, t.committee & ~barredAt(t.round), p.skipPenalty);
        } else if (kind_ == EXPLORATION) {
            n.skips = t.skips;
        } else {
            n.reputations = asked & 32 == 0 ? Model.moved(t.reputations, accuracies) : accuracies;
        }
        uint256 fresh = blockedAt(n.round) & ~blockedAt(t.round);
        n.reputations = Model.penalised(n.reputations, fresh, p.evidencePenalty);
        n.committee = named() ? everybody() & ~barredAt(n.round) : everybody(); // of whom a block names some
        if (kind.validators != kind.people && !named()) {
            n.committee = Model.best(
                n.reputations, everybody() & ~barredAt(n.round), Model.size(people(), kind.validators, n.skips),
                Model.roundSeed(seed_0, n.round)
            );
        }
    }

    function note(Blocks.Content memory c) internal {
        _note(Note(tip.head, Blocks.kindOf(c), Blocks.held(c), c.header, c.arm, c.means[c.arm]), c.accuracies);
        if (named()) tip.committee = c.committee;
    }

    function noteSkip() internal {
        _note(Note(tip.head, SKIP, 0, "", 0, 0), new uint256[](people()));
    }

    function _note(Note memory noted, uint256[] memory accuracies) private {
        bytes32 digest = noted.header.length == 0 ? bytes32(0) : keccak256(noted.header);
        notes.push(noted);
        Tip memory n = ended(tip, noted.kind, digest, accuracies);
        if (explores(n)) {
            notes.push(Note(n.head, EXPLORATION, 0, "", 0, 0));
            n = ended(n, EXPLORATION, 0, accuracies);
        }
        tip = n;
    }

    function approve(uint256 seed) internal {
        Blocks.Content memory c = block_(true, seed);
        must(STRANGER, 0, signed(c, quorum(seed >> 128)));
        note(c);
    }

    function skip(uint256 signers) internal {
        must(STRANGER, 0, skipping(signers));
        noteSkip();
    }

    function waitOut() internal {
        vm.roll(vm.getBlockNumber() + p.skipDeadline + p.burnInBlocks + 1);
        must(STRANGER, 0, waitingOut());
        noteSkip();
    }

    /// @dev Time alone ends rounds that the block list has left without a quorum.
    function playOut() internal {
        while (tip.round <= p.horizon) {
            if (certifies(validators())) approve(uint256(keccak256(abi.encode(tip.round))));
            else waitOut();
        }
    }

    // Evidence

    /// @dev Proof that a seat signed two contents in some slot, by `seed`.
    function evidence(uint256 seat, uint256 seed) internal view returns (Equivocation memory) {
        Blocks.Slot memory at = slot();
        at.round = uint32(seed);
        at.parent = Blocks.hash(seed, "parent", 0);
        uint8 role = seed >> 40 & 1 == 0 ? 1 : 3;
        uint8 phase = role == 1 && seed >> 41 & 1 == 0 ? 1 : 2;
        bytes32 content = seed >> 42 & 3 == 0 ? bytes32(0) : Blocks.hash(seed, "one", 0);
        bytes32 other = Blocks.hash(seed, "other", 0);
        return Blocks.evidence(at, keys[seat], uint16(seat), phase, role, content, other);
    }

    function accuse(uint256 seat, uint256 seed) internal {
        must(STRANGER, 0, abi.encodeCall(IChainBandit.reportEquivocation, (evidence(seat, seed))));
        noteAccusation(seat);
    }

    function noteAccusation(uint256 seat) internal {
        if (since[seat] == 0) since[seat] = tip.round + 3 + p.unrecorded;
        listed[seat] = false; // by a false report alone, of which a seat can be acquitted
    }

    /// @dev Proof that what a seat reported in some round is false, or true where `lie` is zero.
    function falseReport(uint256 seat, uint32 round, uint64 credited, uint32 lie)
        internal
        view
        returns (FalseReport memory)
    {
        Blocks.Slot memory at = slot();
        (at.round, at.parent) = (round, Blocks.hash(credited, "parent", round));
        bytes32 genesis = keccak256(abi.encode(game.game(), seed_0));
        return Blocks.falseReport(
            at, shape(), [keys[seat], ENVIRONMENT_KEY], uint16(seat), [seed_0, genesis], credited, lie
        );
    }

    function noteLie(uint256 seat, uint32 round, uint64 credited) internal {
        bool more = lied[seat] != 0;
        lied[seat] = more && lied[seat] < round ? lied[seat] : round;
        keeps[seat] = more && keeps[seat] < credited ? keeps[seat] : credited;
        provenBy[seat] = round;
        if (since[seat] != 0) return;
        noteAccusation(seat);
        (listed[seat], spared[seat]) = (true, true);
    }

    /// @dev Proof that the environment signed two tallies of the round that the proven report of a seat names.
    function acquittal(uint256 seat) internal view returns (Acquittal memory) {
        Blocks.Slot memory at = slot();
        at.round = provenBy[seat];
        return Blocks.acquittal(at, ENVIRONMENT_KEY, uint16(seat));
    }

    function slashed(uint256 seat) internal view returns (bool) {
        return since[seat] != 0 && !(listed[seat] && acquitted[seat]);
    }

    // Settlement

    /// @dev What everybody pulled in the approved rounds from `first` to `last`: nothing who is blocked.
    function pulls(uint32 first, uint32 last, uint256 seed) internal view returns (bytes memory all) {
        for (uint256 round = 1; paysBurnIn && first == p.burnIn + 1 && round <= p.burnIn; ++round) {
            all = bytes.concat(all, row(round, seed));
        }
        for (uint256 i; i < notes.length; ++i) {
            uint256 at = p.burnIn + i;
            if (at >= first && at <= last && notes[i].kind == APPROVED) all = bytes.concat(all, row(at, seed));
        }
    }

    function row(uint256 round, uint256 seed) internal view returns (bytes memory all) {
        for (uint256 seat; seat < people(); ++seat) {
            (uint8 arm, uint32 reward) = pull(round, seat, seed);
            all = bytes.concat(all, bytes1(arm), bytes4(reward));
        }
    }

    function pull(uint256 round, uint256 seat, uint256 seed) internal view returns (uint8 arm, uint32 reward) {
        uint256 chance = uint256(keccak256(abi.encode(seed, round, seat)));
        if (Model.has(blockedAt(round), seat) || chance & 48 == 0) return (255, 0);
        return (uint8((chance >> 4) % kind.arms), uint32(chance & 7 == 0 ? UNIT : (chance >> 8) % (UNIT + 1)));
    }

    /// @dev Notes what these pulls earn.
    function noteRewards(uint32 last, uint256 seed) internal {
        for (uint256 round = 1; paysBurnIn && settled == p.burnIn && round <= p.burnIn; ++round) {
            for (uint256 seat; seat < people(); ++seat) {
                (, uint32 reward) = pull(round, seat, seed);
                waiting[seat] += reward;
            }
        }
        for (uint256 i; i < notes.length; ++i) {
            uint256 at = p.burnIn + i;
            if (at <= settled || at > last || notes[i].kind != APPROVED) continue;
            for (uint256 seat; seat < people(); ++seat) {
                (uint8 arm, uint32 reward) = pull(at, seat, seed);
                earned[seat] += reward;
                if (arm == 255) continue;
                earned[seat] += waiting[seat];
                waiting[seat] = 0;
            }
        }
        settled = last;
    }

    /// @dev The next `count` records, newest first, as costs are settled; marked costly where that is allowed.
    function entries(uint256 count, uint256 marks) internal view returns (CostEntry[] memory list) {
        list = new CostEntry[](count);
        for (uint256 i; i < count; ++i) {
            uint256 index = notes.length - 1 - revealedDown - i;
            Note storage noted = notes[index];
            bool possible = noted.kind == APPROVED && index > 0 && noted.held & 1 != 0;
            list[i] = CostEntry(noted.parent, noted.kind, possible && marks >> i & 1 == 1, noted.header);
        }
    }

    /// @dev Notes whom the costly ones of these entries concern.
    function noteCosts(CostEntry[] memory list) internal {
        for (uint256 i; i < list.length; ++i) {
            uint256 index = notes.length - 1 - revealedDown - i;
            for (uint256 seat; seat < people() && list[i].costly; ++seat) {
                if (Model.has(blockedAt(p.burnIn + index), seat)) continue;
                ++costly[seat];
                charged[seat] += _cost(notes[index]);
            }
        }
        revealedDown += list.length;
    }

    /// @dev c, or c times the squared distance of estimator and true mean, at most 1, in units; nothing with proofs.
    function _cost(Note storage noted) private view returns (uint256) {
        if (provable) return 0;
        uint256 c = uint256(keccak256(abi.encodePacked(SECRET, seed_0, "cost"))) % (UNIT + 1);
        if (costKind == 0) return c;
        uint256 mean = UNIT * (noted.arm + 1) / (noted.arm + 4);
        uint256 apart = noted.mean > mean ? noted.mean - mean : mean - noted.mean;
        return apart > UNIT ? c : c * apart * apart / 1e18;
    }

    /// @dev The reward model that the environment committed to: arm i pays (i + 1) times in i + 4. With a constant
    /// cost nobody reads it.
    function model() internal view returns (bytes memory all) {
        if (costKind == 0) return "any model";
        for (uint32 arm; arm < kind.arms; ++arm) {
            all = bytes.concat(all, hex"000200000000", hex"00000003", bytes4(uint32(UNIT)), bytes4(arm + 1));
        }
    }

    /// @dev What follows the paid rows: root, signature and rows that nobody is paid for, all of which nobody checks.
    function rest(uint256 seed) internal view returns (bytes memory) {
        return new bytes(provable ? 96 + 5 * people() * (seed & 3) : 0);
    }

    function settleRewards(uint32 last, uint256 seed) internal {
        bytes memory all = bytes.concat(pulls(settled + 1, last, seed), rest(seed));
        must(environment, 0, abi.encodeCall(IChainBandit.settleRewards, (last, all)));
        noteRewards(last, seed);
    }

    function reveal() internal {
        must(environment, 0, abi.encodeCall(IChainBandit.reveal, (SECRET, roles(), model())));
    }

    /// @dev The block in which the game ended.
    function overBlock() internal view returns (uint256) {
        return tip.round > p.horizon ? game.progress().lastRecordBlock : openedAt + p.gameBlocks;
    }

    /// @dev Rewards are settled until then, where false reports are proven.
    function quarterOfWindow() internal view returns (uint256) {
        return overBlock() + p.settlementWindow / 4;
    }

    /// @dev Proofs are taken until then, costs settled after it.
    function halfOfWindow() internal view returns (uint256) {
        return overBlock() + p.settlementWindow / 2;
    }

    function rollPast(uint256 until) internal {
        if (vm.getBlockNumber() <= until) vm.roll(until + 1);
    }

    function closes() internal {
        rollPast(overBlock() + p.settlementWindow);
        must(STRANGER, 0, abi.encodeCall(IChainBandit.close, ()));
    }

    function settleCosts(uint256 count, uint256 marks) internal {
        rollPast(halfOfWindow());
        CostEntry[] memory list = entries(count, marks);
        must(environment, 0, abi.encodeCall(IChainBandit.settleCosts, (list)));
        noteCosts(list);
    }

    function settleAll(uint256 seed) internal {
        settleRewards(tip.round - 1, seed);
        reveal();
        settleCosts(notes.length, seed);
    }

    // Money

    /// @dev What the books say that a closed game owes: the environment last.
    function dueByBooks(bool costsVoid) internal view returns (uint256[] memory due) {
        due = new uint256[](people() + 1);
        uint256 left = game.pool();
        uint256 sharing;
        (uint256 paid, uint256 got) = (0, 0);
        for (uint256 seat; seat < people(); ++seat) {
            bool less = lied[seat] != 0 && !acquitted[seat] && keeps[seat] < earned[seat];
            due[seat] = deposit(seat) + (less ? keeps[seat] : earned[seat]) * p.weiPerUnit;
            left -= earned[seat] * p.weiPerUnit;
            if (!slashed(seat)) ++sharing;
            else due[seat] -= SLASH;
            uint256 change = charged[seat] * p.weiPerUnit;
            if (seat < 2) got += change;
            else paid += change;
            if (!costsVoid) due[seat] = seat < 2 ? due[seat] + change : due[seat] - change;
        }
        if (!costsVoid) due[people()] = left - (got > paid ? got - paid : 0);
        for (uint256 seat; costsVoid && seat < people(); ++seat) {
            if (!slashed(seat)) due[seat] += left / sharing;
        }
    }

    function accountAt(uint256 i) internal view returns (address) {
        return i == people() ? environment : seats[i];
    }

    /// @dev What a closed game owes is what the books say.
    function owesByBooks(bool costsVoid) internal view {
        uint256[] memory due = dueByBooks(costsVoid);
        for (uint256 i; i <= people(); ++i) {
            same(game.owed(accountAt(i)), due[i], "what the books say is owed");
        }
    }

    function owedToAll() internal view returns (uint256 sum) {
        for (uint256 i; i <= people(); ++i) {
            sum += game.owed(accountAt(i));
        }
    }

    function newlyBurned() internal view returns (uint256) {
        return BURNED.balance - burnedBefore;
    }

    /// @dev Every account takes what it is owed; after that only what was forced in is left.
    function everybodyWithdraws() internal {
        for (uint256 i; i <= people(); ++i) {
            address account = accountAt(i);
            uint256 due = game.owed(account);
            if (due == 0) continue;
            uint256 before = account.balance;
            must(account, 0, abi.encodeCall(IChainBandit.withdraw, ()));
            same(account.balance - before, due, "what a withdrawal pays");
            same(game.owed(account), 0, "what is owed after a withdrawal");
            paidOut += due;
        }
    }

    /// @dev Wherever the game stands, time alone lets everybody have their money.
    function nothingIsTrapped() internal {
        vm.roll(vm.getBlockNumber() + 10_000_000);
        if (game.opened() && !game.closed()) must(STRANGER, 0, abi.encodeCall(IChainBandit.close, ()));
        same(owedToAll() + paidOut + newlyBurned(), deposits, "what is owed, paid and burned in the end");
        everybodyWithdraws();
        same(address(game).balance, forced, "what is left when all have withdrawn");
    }

    /// @dev What the game says of its history and state is what the books say.
    function agrees() internal view returns (bool) {
        if (game.head() != tip.head || game.nextRound() != tip.round) return false;
        if (tip.round == 0) return true;
        if (game.progress().failures != tip.failures || game.progress().skips != tip.skips) return false;
        if (game.progress().explorations != tip.explorations) return false;
        if (game.blocked() != blockedAt(tip.round) || game.quorum() != quorumSize()) return false;
        uint16[] memory all = game.reputations();
        for (uint256 seat; seat < people(); ++seat) {
            if (all[seat] != tip.reputations[seat] || game.blockedFrom(uint16(seat)) != since[seat]) return false;
        }
        if (tip.round != p.burnIn + notes.length) return false;
        for (uint256 i; i < notes.length; ++i) {
            if (game.isApproved(uint32(p.burnIn + i)) != (notes[i].kind == APPROVED)) return false;
            if (notes[i].kind < APPROVED || notes[i].kind > EXPLORATION) return false;
        }
        return !game.isApproved(tip.round) && game.settledThrough() == settled;
    }
}
