"""Catalogue of checks: the name of each, and what it proves when it passes."""

from chain_bandit.paranoid.verdict import WHAT

CHECKS = {
    "chain.links": "Every block is well formed and names its predecessor's hash, from the creation on without a gap.",
    "chain.transactions": "The transactions of every block are those of its root, each validly signed for this chain.",
    "chain.order": "Every account that called the contract numbers its transactions one by one, and none is missing.",
    "chain.receipts": "The receipts of every block are those of its root, one a transaction, and add up to its gas.",
    "chain.head": "The last block is the one whose hash the auditor kept.",
    "chain.trail": "Every block is the one that an earlier audit found in its place.",
    "game.code": "The contract was created from the code that this version ships.",
    "game.parameters": "The parameters satisfy every assumption of the theorem.",
    "game.deposits": "The environment put in the pool, every seat as many stakes as it weighs, and that is all.",
    "game.keys": "No two seats registered one VRF key where anything is drawn: they would be drawn together.",
    "game.weights": "Every seat registered a weight of at least 1, and of no more than the game allows.",
    "game.opening": "The opened salt is the committed one, in time, and every seat was filled.",
    "game.genesis": "The first parent follows from parameters, addresses and salt.",
    "record.events": "Every event is what its transaction implies, and nothing else.",
    "record.links": "Every record extends the one before it, round by round.",
    "record.deadline": "Records, skips and evidence were made when the rules allow them.",
    "record.waiting": "No more certified blocks waited for their record than the game allows.",
    "record.exploration": "An exploration round follows the failures that call for it.",
    "certificate.quorum":
        "Every certificate has a quorum of the round's committee less the block list; a committee's block has one.",
    "certificate.members": "Nobody else signed a certificate.",
    "certificate.signatures": "Every signature of a certificate is its seat's, over this record of this game.",
    "certificate.batch":
        "Where everybody validates, the next certified block of its transaction vouches for one without signatures.",
    "committee.best": "Every committee is the best by reputation, as many as the skips before it ask for.",
    "committee.chosen": "Every committee is whom the game's rule chooses, or everybody where it chooses too few.",
    "draw.proof": "Every seat that a header names as drawn proved it, by its registered key on the next round's seed.",
    "draw.committee": "Every drawn committee is the one that the proofs draw, or all seats where they draw too few.",
    "draw.commanders": "The commanders that a header names are those that the proofs draw, of the next validators.",
    "evidence.proof":
        "Every accusation is two contents that a seat signed in one slot, in a role that signs once, or a report that "
        "does not follow from the tally that it names; every acquittal is a receipt with another tally.",
    "evidence.listing":
        "Every accused seat is listed once, from the open round + 1 + the rounds that may wait; a false report voids "
        "what it should.",
    "blocklist.silence": "Nobody on the block list reports or is paid.",
    "header.form": "Submissions hold whole blocks; headers hold existing seats, bits and B of reporters only.",
    "header.body": "Every body is the one that its header binds.",
    "header.radii": "Every radius is that of the pulls before its round.",
    "header.arm": "The honest arm follows from the records.",
    "header.length": "How often a block's arm is pulled follows from its pulls before, and T ends the last phase.",
    "report.signature": "Every report is signed by its author for this round.",
    "report.named": "Every report that names a round names one whose tally it may rest on.",
    "report.range": "Every reported estimator is between 0 and 1.",
    "aggregate.selected": "Every B follows from reports and comparison bits.",
    "aggregate.means": "Every global estimator is the mean of the selected reports.",
    "aggregate.accuracy": "Every accuracy follows from the distance of report and global estimators.",
    "aggregate.state": "What headers say that rules keep is what they keep.",
    "aggregate.approval": "A block is approved exactly when its estimators are at most 2.",
    "reveal.commitment": "Secret, roles and reward model are those committed to before the game.",
    "reveal.cost": "The hidden cost follows from the secret.",
    "settlement.form": "Every settlement covers the approved rounds that were due, each seat once.",
    "settlement.tallies":
        "Where reports name rounds, every settlement has the root of all tallies, signed by the environment, which "
        "signed no other.",
    "settlement.rewards": "Every reward is the draw that the committed secret and model give.",
    "settlement.tags": "Every receipt tag of a sealed game is of a pull that its seat can have made, at its draw.",
    "settlement.sums": "The sums that a sealed game pays are those of its rounds.",
    "seal.keys": "Every sealing key is the one whose hash was registered.",
    "seal.records": "Every sealed record whose key was revealed is its author's last receipt, or a finding names it.",
    "honest.arm": "Every pull of a seat labelled honest was of the honest arm; a round without one is forfeited.",
    "honest.report": "Every seat labelled honest reported what follows from its receipts, and from its key.",
    "counts.commitment": "Every count commitment of a seat labelled honest opens to its pulls.",
    "counts.bits": "Every comparison bit of a seat whose counts were opened is that of these counts.",
    "costs.records": "The records handed back for the costs are those of the history, all of them.",
    "costs.case": "The rounds of case 2 are those in which a liar's false report was in force.",
    "money.close": "The game was closed as the rules say: with costs when all was settled, else without.",
    "money.balances": "Every withdrawal is what settlement owes, paid once; no account without code was refused it.",
    "money.conservation": "After every block the contract holds what the books owe, and nobody took more than its own.",
}

VOUCHED_FOR = frozenset({
    "header.form", "header.body", "header.radii", "header.arm", "header.length", "report.signature", "report.range",
    "report.named", "aggregate.selected", "aggregate.means", "aggregate.accuracy", "blocklist.silence",
    "aggregate.state", "committee.chosen", "draw.proof", "draw.committee", "draw.commanders",
})  # fmt: skip
"""What every signer of a block could compute itself before it signed: if it fails here, all signed falsely.

Comparison bits are not among them: a validator has them from the comparison.
"""

SECOND = {f"paranoid.{what}": f"Computed a second time: {proves}" for what, proves in WHAT.items()}
"""What `audit --paranoid` adds: the plain re-computation, the history and the audit agree."""

PROVES = {**CHECKS, **SECOND}
