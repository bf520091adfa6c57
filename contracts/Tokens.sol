// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {LibRLP} from "solady/src/utils/LibRLP.sol";
import {SSTORE2} from "solady/src/utils/SSTORE2.sol";

import {Direct} from "./Direct.sol";
import {IErrors} from "./interfaces/IErrors.sol";
import {ITokens} from "./interfaces/ITokens.sol";
import {Bits} from "./libraries/Bits.sol";
import {BlockList} from "./libraries/BlockList.sol";
import {Certificates} from "./libraries/Certificates.sol";
import {Seats} from "./libraries/Seats.sol";
import {Sums} from "./libraries/Sums.sol";
import {LARGEST, Terms} from "./types/Agreement.sol";
import {Equivocation} from "./types/Game.sol";

/// @title One token that all participants use, agreed once an epoch by the validators that hold its shares
/// @dev Holds no money. What is signed is signed as in a game: an epoch is a round, a validator's sum a report.
contract Tokens is Direct, ITokens {
    using BlockList for BlockList.Docket;

    uint256 private constant MOST_SEATS = 256;
    uint256 private constant MOST_GROUPS = 128; // two participants each

    /// @inheritdoc ITokens
    bytes32 public immutable override agreement;

    /// @inheritdoc ITokens
    uint64 public override token;
    /// @inheritdoc ITokens
    uint32 public override nextEpoch;
    uint64 private _lastRecordBlock;
    /// @inheritdoc ITokens
    bytes32 public override head;
    Terms private _terms;
    BlockList.Docket private _docket;
    mapping(uint256 => int256) private _credits;

    constructor(Terms memory terms_, address[] memory seats) {
        _check(terms_);
        uint256 places = uint256(terms_.participants) + terms_.validators;
        if (seats.length != places) revert WrongSeats(seats.length, places);
        bytes memory packed = "";
        for (uint256 seat; seat < places; ++seat) {
            bool ascends = seat == 0 || seat == terms_.participants || seats[seat - 1] < seats[seat];
            if (!ascends || seats[seat] == address(0)) revert SeatsNotAscending(seat);
            packed = bytes.concat(packed, bytes20(seats[seat]));
        }
        // slither-disable-next-line unused-return -- `_keys` computes where they lie
        SSTORE2.write(packed);
        agreement = keccak256(abi.encode(terms_, seats));
        head = keccak256(abi.encode(agreement));
        _terms = terms_;
        (token, _lastRecordBlock) = (terms_.first, uint64(block.number));
    }

    /// @inheritdoc ITokens
    function agree(bytes calldata body, uint256 signers, bytes calldata signatures) external override direct {
        _requireCanonical(abi.encodeCall(ITokens.agree, (body, signers, signatures)));
        Terms memory terms_ = _terms;
        uint256 left = ~_blocked();
        bytes32 content = body.length == 0 ? bytes32(0) : keccak256(body);
        uint256 members = _validators(terms_) & left;
        uint256 count = Bits.count(members);
        bytes32 digest = Certificates.vote(Certificates.separator(agreement), nextEpoch, head, content);
        Certificates.check(_keys(), members, _quorum(terms_, count), digest, signers, signatures, 0);
        uint256 expected = Certificates.SIGNATURE_BYTES * Bits.count(signers);
        if (signatures.length != expected) revert IErrors.WrongSignaturesLength(signatures.length, expected);
        if (body.length == 0) {
            _end(0, token, 0);
            return;
        }
        (uint256 agreed, uint256 counted) = Sums.read(terms_, body, Bits.all(terms_.participants) & left);
        if (terms_.steps != 0) _credit(terms_, body);
        _end(content, uint64(Sums.clamped(terms_, agreed, token)), counted);
    }

    /// @inheritdoc ITokens
    function keepAfterDeadline() external override direct {
        _requireWords(0);
        uint256 deadline = uint256(_lastRecordBlock) + _terms.deadline;
        if (block.number <= deadline) revert IErrors.DeadlineNotPassed(block.number, deadline);
        _end(0, token, 0);
    }

    /// @inheritdoc ITokens
    function reportEquivocation(Equivocation calldata proof) external override direct {
        _requireWords(11);
        BlockList.requireProof(proof, Certificates.separator(agreement), accountAt(proof.seat));
        uint256 since = uint256(nextEpoch) + 1; // the open one's validators may be signing
        _docket.add(proof.seat, since);
        emit Accused(proof.seat, uint32(since));
    }

    /// @inheritdoc ITokens
    function terms() external view override returns (Terms memory) {
        return _terms;
    }

    /// @inheritdoc ITokens
    function quorum() external view override returns (uint256) {
        Terms memory terms_ = _terms;
        return _quorum(terms_, Bits.count(_validators(terms_) & ~_blocked()));
    }

    /// @inheritdoc ITokens
    function blockedFrom(uint16 seat) external view override returns (uint256) {
        return _docket.since[seat];
    }

    /// @inheritdoc ITokens
    function creditsOf(uint16 seat) external view override returns (int256) {
        return _credits[seat];
    }

    /// @inheritdoc ITokens
    function accountAt(uint16 seat) public view override returns (address) {
        uint256 places = uint256(_terms.participants) + _terms.validators;
        if (seat >= places) revert IErrors.SeatEmpty(seat, places);
        return address(uint160(Seats.key(_keys(), seat)));
    }

    function _end(bytes32 content, uint64 token_, uint256 counted) private {
        uint32 epoch = nextEpoch;
        bytes32 head_ = keccak256(abi.encode(head, epoch, content, token_));
        (token, nextEpoch, _lastRecordBlock, head) = (token_, epoch + 1, uint64(block.number), head_);
        emit TokenAgreed(epoch, token_, counted, head_);
    }

    /// @dev What the epoch's tokens, each worth what was agreed before it, came to.
    function _credit(Terms memory terms_, bytes calldata body) private {
        int256 worth = int256(uint256(token));
        for (uint256 seat; seat < terms_.participants; ++seat) {
            int256 net = Sums.net(terms_, body, seat);
            if (net != 0) _credits[seat] += net * worth;
        }
    }

    function _blocked() private view returns (uint256 set) {
        // slither-disable-next-line unused-return -- nobody is penalised here
        if (_docket.accused != 0) (set,) = _docket.blocked(nextEpoch);
    }

    /// @dev The keys of all seats, which lie in the code of the first contract that this one created.
    function _keys() private view returns (bytes memory) {
        return SSTORE2.read(LibRLP.computeAddress(address(this), 1));
    }

    function _validators(Terms memory terms_) private pure returns (uint256) {
        return Bits.all(terms_.validators) << terms_.participants;
    }

    function _quorum(Terms memory terms_, uint256 count) private pure returns (uint256) {
        return (count + terms_.faulty) / 2 + 1;
    }

    function _check(Terms memory terms_) private pure {
        (uint256 participants, uint256 validators) = (terms_.participants, terms_.validators);
        if (participants < 2 || validators == 0 || participants + validators > MOST_SEATS) {
            revert SeatsOutOfRange(participants, validators);
        }
        if (validators <= 3 * uint256(terms_.faulty)) revert TooManyFaulty(validators, terms_.faulty);
        if (terms_.groups == 0 || terms_.groups > MOST_GROUPS || 2 * uint256(terms_.groups) > participants) {
            revert GroupsOutOfRange(terms_.groups, participants);
        }
        bool bounded = terms_.first <= terms_.most && terms_.most <= LARGEST && terms_.step != 0;
        if (!bounded || terms_.step > LARGEST) revert BoundsMalformed(terms_.first, terms_.most, terms_.step);
    }
}
