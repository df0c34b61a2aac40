#!/usr/bin/python3
"""Bugs that Raft implementations have shipped, each as the smallest change of our source that makes
it ours. The build option TICKETD_PLANTED_BUG compiles one of them in; the source itself knows
nothing of them. Every text to be replaced stands exactly once in its file, which a test checks, so
that the table cannot rot.

Usage: planted_bugs.py list
       planted_bugs.py check
       planted_bugs.py plant NAME|none DIRECTORY
"""

import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent


class Edit(NamedTuple):
    path: str
    old: str
    new: str


class Bug(NamedTuple):
    name: str
    what: str
    edits: tuple


BUGS = (
    # --- Votes and terms --------------------------------------------------------------------------
    Bug("vote-forgotten-at-restart", "a restart keeps the term and forgets the vote", (
        Edit("raft/state.cpp",
             "  hard.commit_index = std::max(hard.commit_index, handed_out);\n",
             "  hard.commit_index = std::max(hard.commit_index, handed_out);\n"
             "  hard.has_voted = false;\n  hard.voted_for = {};\n"),)),
    Bug("vote-not-saved", "the term is saved, the vote is not", (
        Edit("raft/save_gate.cpp", "    save.hard_state = to_save;\n",
             "    save.hard_state = to_save;\n    save.hard_state->has_voted = false;\n"
             "    save.hard_state->voted_for = {};\n"),)),
    Bug("vote-cleared-in-same-term", "stepping down in the same term clears the vote", (
        Edit("raft/roles.cpp", "  if (term > current_term()) {\n    hard.current_term = term;",
             "  if (term >= current_term()) {\n    hard.current_term = term;"),)),
    Bug("two-votes-in-a-term", "a second candidate of the same term gets a vote, too", (
        Edit("raft/election.cpp", "return hard.has_voted ? hard.voted_for == candidate : !leader;",
             "return true;"),)),
    Bug("old-votes-counted", "vote answers of an earlier term are counted", (
        Edit("raft/step.cpp", "  if (term < current_term()) {\n",
             "  if (term < current_term() && !is<VoteResponse>(message)) {\n"),
        Edit("raft/election.cpp", "!response.granted || response.term != asked_term || !knows(from)",
             "!response.granted || !knows(from)"),)),
    Bug("old-leader-obeyed", "an append of an earlier term is taken", (
        Edit("raft/step.cpp", "  if (term < current_term()) {\n",
             "  if (term < current_term() && !is<AppendRequest>(message)) {\n"),)),
    Bug("own-vote-not-awaited", "a candidate asks for votes before its own is durable", (
        Edit("raft/state.cpp",
             "  outbox.post(Envelope{self(), to, std::move(message)}, gate.needed(hard, promised));\n",
             "  const bool asks = std::holds_alternative<VoteRequest>(message);\n"
             "  outbox.post(Envelope{self(), to, std::move(message)},\n"
             "              asks ? std::nullopt : gate.needed(hard, promised));\n"),)),
    Bug("node-id-maximum-is-nobody", "votes of the node with the greatest id are taken for none", (
        Edit("raft/election.cpp", "!response.granted || response.term != asked_term || !knows(from)",
             "!response.granted || response.term != asked_term || !knows(from) ||\n"
             "      from.node.value == ~std::uint64_t{0}"),)),
    # --- Elections --------------------------------------------------------------------------------
    Bug("log-not-compared", "a vote is given whatever the candidate's log", (
        Edit("raft/election.cpp",
             "configuration().empty() ||\n"
             "      !log.is_up_to_date(request.last_log_index, request.last_log_term)",
             "configuration().empty()"),)),
    Bug("last-index-compared-first", "the longer log wins, whatever its last term", (
        Edit("raft/log.cpp",
             "return term != last_term() ? term > last_term() : index >= last_;",
             "return index != last_ ? index > last_ : term >= last_term();"),)),
    Bug("quorum-of-a-half", "half of an even number of voters is a majority", (
        Edit("raft/configuration.h", "return voter_count() / 2 + 1;",
             "return (voter_count() + 1) / 2;"),)),
    Bug("commit-by-a-half", "an entry on half of an even number of voters is committed", (
        Edit("raft/quorum.h", "return values[values.size() / 2];",
             "return values[(values.size() - 1) / 2];"),)),
    Bug("learner-counted", "learners are counted in every majority", (
        Edit("raft/state.h", "    if (follower.voter) {\n      reached[count++]",
             "    if (true) {\n      reached[count++]"),)),
    Bug("no-check-quorum", "a leader that hears nobody leads on", (
        Edit("raft/clock.cpp",
             "if (elapsed(majority_heard_at()) >= options.election_timeout_max || disk_hangs()) {",
             "if (disk_hangs()) {"),)),
    Bug("ahead-in-term-left-alone", "whoever is ahead in term tells an old leader nothing", (
        Edit("raft/step.cpp", "    answer_older_term(from, message);\n", ""),
        Edit("raft/step.cpp",
             "void Node::State::answer_older_term(MemberId from, const Message& message) {",
             "[[maybe_unused]] void Node::State::answer_older_term(MemberId from,\n"
             "                                                     const Message& message) {"),)),
    # --- Replication and commit -------------------------------------------------------------------
    Bug("acknowledged-before-saved", "what promises something leaves before it is durable", (
        Edit("raft/save_gate.cpp", "    return next_id_;\n", "    return std::nullopt;\n"),)),
    Bug("leader-counts-itself-early", "a leader counts its own entries before they are durable", (
        Edit("raft/replication.cpp", "      gate.durable_index(), [](const Progress& follower)",
             "      log.last_index(), [](const Progress& follower)"),)),
    Bug("alone-waits-for-nobody", "a leader without followers commits before anything is durable", (
        Edit("raft/replication.cpp", "  leading->uncommitted_bytes += entry.charge();\n",
             "  leading->uncommitted_bytes += entry.charge();\n"
             "  if (leading->followers.empty()) hard.commit_index = log.last_index();\n"),
        Edit("raft/ready.cpp", "  const Index to = std::min(commit_index(), gate.durable_index());\n",
             "  const Index to = commit_index();\n"),)),
    Bug("old-term-committed-by-counting", "entries of an earlier term are committed by counting", (
        Edit("raft/replication.cpp",
             "if (stored <= commit_index() || !log.matches(stored, current_term())) {",
             "if (stored <= commit_index()) {"),)),
    Bug("previous-term-not-compared", "an append's place is found by its index alone", (
        Edit("raft/append.cpp",
             "if (!log.matches(request.prev_log_index, request.prev_log_term)) {",
             "if (request.prev_log_index > log.last_index()) {"),)),
    Bug("compacted-index-matches", "what is not in the log matches any term", (
        Edit("raft/log.h", "return term_at(index) == term;",
             "return term_at(index).value_or(term) == term;"),)),
    Bug("repeated-append-cuts", "an append that came before cuts what follows it", (
        Edit("raft/append.cpp",
             "return entry.index > log.compacted().index && !log.matches(entry.index, entry.term);",
             "return entry.index > log.compacted().index;"),)),
    Bug("all-acknowledged", "a follower acknowledges its whole log, not what was compared", (
        Edit("raft/append.cpp", "  acknowledge_append(from, proved);\n",
             "  acknowledge_append(from, log.last_index());\n"),)),
    Bug("commit-beyond-the-match", "an append commits what it did not compare", (
        Edit("raft/append.cpp",
             "commit_as_follower(std::min(request.commit_index, proved));",
             "commit_as_follower(std::min(request.commit_index, log.last_index()));"),)),
    Bug("heartbeat-commits-too-much", "a heartbeat commits beyond what is known to match", (
        Edit("raft/heartbeat.cpp",
             ".commit_index = std::min(follower.match_index, commit_index()),",
             ".commit_index = commit_index(),"),
        Edit("raft/heartbeat.cpp", "    commit_as_follower(request.commit_index);\n",
             "    commit_as_follower(std::min(request.commit_index, log.last_index()));\n"),
        Edit("raft/heartbeat.cpp",
             "    ENSURE_MSG(request.commit_index <= log.last_index(),\n"
             "               \"entries that this node had acknowledged are gone from its log\");\n",
             ""),)),
    Bug("applied-before-durable", "committed entries are applied before they are durable here", (
        Edit("raft/ready.cpp",
             "const Index to = std::min(commit_index(), gate.durable_index());",
             "const Index to = commit_index();"),)),
    Bug("apply-skips-a-page", "entries beyond a page of committed ones are skipped", (
        Edit("raft/ready.cpp",
             "Entries committed = log.slice(handed_out + 1, to, "
             "std::numeric_limits<std::size_t>::max());",
             "Entries committed = log.slice(handed_out + 1, to, 200);"),)),
    Bug("no-noop", "a new leader waits for a client's entry to commit those of earlier terms", (
        Edit("raft/roles.cpp", "leading->first_index = append_entry(EntryType::kNoop, {});",
             "leading->first_index = log.last_index() + 1;"),)),
    # --- Snapshots --------------------------------------------------------------------------------
    Bug("snapshot-over-newer-entries", "a snapshot is installed over a log that agrees and goes on", (
        Edit("raft/snapshot_receive.cpp",
             "return mark.index <= commit_index() || log.matches(mark.index, mark.term);",
             "return mark.index <= commit_index();"),)),
    Bug("snapshot-taken-for-held", "a longer log is taken for one that holds the snapshot", (
        Edit("raft/snapshot_receive.cpp",
             "return mark.index <= commit_index() || log.matches(mark.index, mark.term);",
             "return mark.index <= log.last_index();"),)),
    Bug("deduplication-not-in-snapshot", "idempotency keys are missing from snapshots", (
        Edit("store/snapshot_format.cpp",
             "Status SnapshotWriter::add(std::string_view key, std::string_view value) {\n",
             "Status SnapshotWriter::add(std::string_view key, std::string_view value) {\n"
             "  if (key[0] != 's') return {};\n"),
        Edit("store/snapshot_format.cpp",
             "  const Status matches = check_.matches(header_.state.summary);\n",
             "  const Status matches;\n"),)),
    Bug("campaign-while-installing", "a node campaigns while its log is being replaced", (
        Edit("raft/election.cpp",
             "!disk_hangs() &&\n         reception.install == SnapshotReception::Install::kNone;",
             "!disk_hangs();"),
        Edit("raft/snapshot_receive.cpp",
             "    if (role != Role::kFollower) {  // no campaign with a log that is about to go\n"
             "      become_follower(current_term(), std::nullopt);\n    }\n", ""),)),
    Bug("snapshot-acknowledged-early", "a snapshot's entries are confirmed before they are durable", (
        Edit("raft/snapshot_receive.cpp",
             "                        .installed = true},\n       mark.index);",
             "                        .installed = true});"),)),
    # --- Membership -------------------------------------------------------------------------------
    Bug("change-before-own-commit", "the configuration changes before an entry of the leader's term "
        "is committed", (
        Edit("raft/membership.cpp",
             "  if (commit_index() < leading->first_index) {\n    return Refusal::kNotReady;\n  }\n",
             ""),)),
    Bug("two-changes-at-once", "the configuration changes while a change is not committed", (
        Edit("raft/membership.cpp",
             "  if (log.configuration().index > commit_index()) {\n"
             "    return Refusal::kChangePending;\n  }\n", ""),)),
    Bug("committed-configuration-in-force", "a configuration counts when it is committed, and not "
        "before", (
        Edit("raft/state.h",
             "const Configuration& configuration() const { return log.configuration()"
             ".configuration; }",
             "const Configuration& configuration() const {\n"
             "    const Configuration& committed = committed_configuration().configuration;\n"
             "    return committed.empty() ? log.configuration().configuration : committed;\n  }"),)),
    Bug("old-configuration-commits-the-new", "a leader counts by the configuration before, until "
        "the new one is committed", (
        Edit("raft/membership.cpp",
             "      followers.back().voter = configuration().is_voter(member.id);\n",
             "      const Configuration& old = committed_configuration().configuration;\n"
             "      followers.back().voter =\n"
             "          (old.empty() ? configuration() : old).is_voter(member.id);\n"),
        Edit("raft/invariants.cpp", "  ENSURE_EQ(voters, configuration().voter_count());\n",
             "  ENSURE_LE(voters, Configuration::kMaxMembers);\n"),)),
    Bug("newest-configuration-forgotten", "a restart knows only of committed "
        "configurations", (
        Edit("raft/state.cpp", "std::move(restored.configurations),\n",
             "[&restored] {\n"
             "            auto known = std::move(restored.configurations);\n"
             "            const Index committed =\n"
             "                std::max(restored.hard_state.commit_index, restored.applied_index);\n"
             "            while (known.size() > 1 && known.back().index > committed) "
             "known.pop_back();\n"
             "            return known;\n"
             "          }(),\n"),)),
    Bug("cut-configuration-stays", "a configuration that was cut from the log stays in force", (
        Edit("raft/log.cpp",
             "  while (configurations_.back().index > last_) {\n    configurations_.pop_back();\n"
             "    ENSURE(!configurations_.empty());\n  }\n", ""),)),
    # --- Reads ------------------------------------------------------------------------------------
    Bug("read-without-a-round", "a leader reads without asking whether it still leads", (
        Edit("raft/reads.cpp", "  if (reads.in_round.empty() || answered < reads.round) {",
             "  if (reads.in_round.empty() || (answered < reads.round && false)) {"),)),
    Bug("read-confirmed-by-old-answer", "a late answer to an earlier round confirms a later one", (
        Edit("raft/heartbeat.cpp",
             "follower->round = std::max(follower->round, response.round);",
             "follower->round = leading->reads.round;"),)),
    Bug("read-before-own-commit", "a new leader reads before an entry of its term is committed", (
        Edit("raft/reads.cpp",
             "  if (commit_index() < leading->first_index) {\n    return Refusal::kNotReady;\n  }\n",
             ""),
        Edit("server/replica_reads.cpp",
             "if (unread_->empty() || !node_.ready_to_serve() || too_many_reads()) return;",
             "if (unread_->empty() || node_.role() != raft::Role::kLeader) return;"),)),
    Bug("read-before-applied", "a confirmed read does not wait until its index is applied", (
        Edit("server/replica_reads.cpp",
             "  while (!confirmed_reads_.empty() &&\n"
             "         confirmed_reads_.front().first <= machine_.summary().applied_index) {",
             "  while (!confirmed_reads_.empty()) {"),)),
    # --- Without a minority, and after the faults -------------------------------------------------
    Bug("reads-wait-for-everybody", "a round of reads is confirmed when every follower answered", (
        Edit("raft/reads.cpp",
             "reached_by_majority(reads.round, [](const Progress& follower) { return follower.round; "
             "});",
             "[&] {\n    std::uint64_t least = reads.round;\n"
             "    for (const Progress& each : leading->followers) {\n"
             "      least = std::min(least, each.round);\n    }\n    return least;\n  }();"),)),
    Bug("promotion-forgotten", "a learner that is to be promoted stays one", (
        Edit("raft/membership.cpp", "return (!m.voter && m.promote) || has_to_replace(",
             "return has_to_replace("),)),
    Bug("former-self-stays", "who was replaced is not removed", (
        Edit("raft/membership.cpp",
             "    } else if (has_to_replace(configuration(), member)) {\n",
             "    } else if (has_to_replace(configuration(), member) && member.promote) {\n"),)),
    Bug("removed-not-told", "who was removed is welcomed, and not told", (
        Edit("server/member_book.cpp",
             "    return refuse(Reason::kRemoved, \"the cluster has removed that member\");\n",
             "    return std::nullopt;\n"),
        Edit("raft/membership.cpp", "      send_append(follower, {});\n    } else if (last_word) {\n"
             "      send_heartbeat(follower);\n", "      continue;\n"),)),
    Bug("forwarded-reads-refused", "a follower refuses the reads that it should forward", (
        Edit("server/replica_service.cpp",
             "  const net::QueryCall call{std::move(query), false, change_patience()};\n",
             "  if (leader->id != options_.raft.self) {\n"
             "    return done(NotDone{NotDone::Why::kNoLeader, \"ask the leader\"});\n  }\n"
             "  const net::QueryCall call{std::move(query), false, change_patience()};\n"),)),
    Bug("elections-late", "an election begins after twenty times its time-out", (
        Edit("raft/election.cpp", "  election_due = now + options.election_timeout_min +\n",
             "  election_due = now + 20 * options.election_timeout_max +\n"),)),
    # --- Disk, clients and time -------------------------------------------------------------------
    Bug("hung-disk-leads-on", "a leader whose disk hangs leads on", (
        Edit("raft/clock.cpp",
             "if (elapsed(majority_heard_at()) >= options.election_timeout_max || disk_hangs()) {",
             "if (elapsed(majority_heard_at()) >= options.election_timeout_max) {"),)),
    Bug("milliseconds-of-32-bits", "a clock of 32-bit milliseconds starts again at its end", (
        Edit("raft/state.cpp", "  ENSURE_LE(now, to);\n  now = to;",
             "  now = Time(to.value % (std::uint64_t{1000} << 32));"),)),
    Bug("lost-leadership-taken-for-not-done", "a request that was appended is said to be not done", (
        Edit("server/in_flight.cpp",
             "return ticket::Unknown{\"the request was appended to the log, but not confirmed in "
             "time\"};",
             "return ticket::NotDone{ticket::NotDone::Why::kBusy, \"not confirmed in time\"};"),)),
    Bug("no-answer-taken-for-not-done", "a forwarded request without an answer is said to be not "
        "done", (
        Edit("server/replica_service.cpp",
             "done(ticket::Unknown{\"the leader gave no answer in time\"});",
             "done(NotDone{NotDone::Why::kBusy, \"the leader gave no answer in time\"});"),)),
    Bug("forwarded-twice", "a forwarded request without an answer is sent once more", (
        Edit("server/replica_service.cpp",
             "  const net::ChangeCall call{request.kind, std::move(request.sequence), request.value,\n"
             "                             std::move(request.key), change_patience()};\n"
             "  transport_.call(leader->id, call, change_patience(),\n"
             "                  [done = std::move(done)](const net::CallResult& result) {\n",
             "  const net::ChangeCall call{request.kind, std::move(request.sequence), request.value,\n"
             "                             std::move(request.key), change_patience()};\n"
             "  transport_.call(leader->id, call, change_patience(),\n"
             "                  [this, call, to = leader->id,\n"
             "                   done = std::move(done)](const net::CallResult& result) {\n"),
        Edit("server/replica_service.cpp",
             "                    done(ticket::Unknown{\"the leader gave no answer in time\"});\n",
             "                    if (!closed_ && !ended_ && !stopping_) {\n"
             "                      transport_.call(to, call, change_patience(),\n"
             "                                      [](const net::CallResult&) {});\n"
             "                    }\n"
             "                    done(ticket::Unknown{\"the leader gave no answer in time\"});\n"),)),
    Bug("another-term-answered", "whoever waits for an index is answered by what stands there", (
        Edit("server/in_flight.cpp", "node.key().second == term ? Fate::kApplied : Fate::kLost",
             "Fate::kApplied"),)),
    Bug("replay-not-said", "who asked another member is not told that the answer is an old one", (
        Edit("server/translate.cpp",
             "    return net::ChangeReply{done->first, done->count, done->replayed};",
             "    return net::ChangeReply{done->first, done->count, false};"),)),
    Bug("requests-do-not-expire", "a request that waits to be appended waits for ever", (
        Edit("server/request_queue.cpp",
             "  if (!next_expiry_ || now < *next_expiry_) return expired;\n",
             "  if (!next_expiry_ || now.value > 0) return expired;\n"),)),
    Bug("key-not-remembered", "a request is carried out again under the same key", (
        Edit("ticket/machine.cpp",
             "  if (const std::optional<KeyRecord> before = remembered(operation.key)) {",
             "  if (const std::optional<KeyRecord> before = remembered(operation.key);\n"
             "      before && summary_.next_key % 16 != 0) {"),)),
    Bug("keys-forgotten-early", "idempotency keys are forgotten before their age", (
        Edit("ticket/machine.cpp", "    if (record.expires_us > summary_.stamp_us) {\n",
             "    if (record.expires_us > summary_.stamp_us + record.expires_us / 2) {\n"),)),
    Bug("keys-without-a-limit", "more idempotency keys are remembered than may be", (
        Edit("ticket/machine.cpp", "  if (summary_.keys() >= limits.keys) {\n",
             "  if (summary_.keys() > limits.keys) {\n"),)),
    Bug("key-compared-without-its-value", "a key that came before with another number is the same", (
        Edit("ticket/machine.cpp",
             "    if (before->kind != operation.kind || before->sequence != operation.sequence ||\n"
             "        before->value != operation.values.front()) {\n",
             "    if (before->kind != operation.kind || before->sequence != operation.sequence) {\n"),)),
    Bug("expired-key-replayed-as-reused", "a key that may be forgotten is taken for a reused one", (
        Edit("ticket/machine.cpp",
             "    if (before->kind != operation.kind || before->sequence != operation.sequence ||\n",
             "    if (before->expires_us <= summary_.stamp_us ||\n"
             "        before->kind != operation.kind || before->sequence != operation.sequence ||\n"),)),
    Bug("removal-always-allowed", "sequences are removed without --allow_delete", (
        Edit("server/replica_service.cpp",
             "  if (request.kind == ticket::Kind::kRemove && !options_.allow_delete) {\n",
             "  if (request.kind == ticket::Kind::kRemove && queue_.room() == 0) {\n"),)),
    Bug("keys-full-too-early", "the last idempotency key that may be remembered is refused", (
        Edit("ticket/machine.cpp", "  if (summary_.keys() >= limits.keys) {\n",
             "  if (summary_.keys() + 1 >= limits.keys) {\n"),)),
    Bug("office-counted-twice", "replicated time adds the whole office to each applied stamp", (
        Edit("server/replica_service.cpp",
             "  return office_stamp_us_ + (now - office_began_);\n",
             "  return machine_.summary().stamp_us + (now - office_began_);\n"),)),
    Bug("clock-taken-for-replicated-time", "stamps show the leader's own clock", (
        Edit("server/replica_service.cpp",
             "  return office_stamp_us_ + (now - office_began_);\n",
             "  return now.value;\n"),)),
    Bug("replicated-time-stands-still", "stamps show when the leader took office", (
        Edit("server/replica_service.cpp",
             "  return office_stamp_us_ + (now - office_began_);\n",
             "  return office_stamp_us_;\n"),)),
    Bug("digest-misses-removals", "the digest does not follow removals", (
        Edit("ticket/machine.cpp",
             "  state_.remove(key);\n  summary_.digest -= record_hash(key, value);\n",
             "  state_.remove(key);\n  (void)value;\n"),)),
    # --- The journal ------------------------------------------------------------------------------
    Bug("journal-not-flushed", "a save is acknowledged when it is written, not when it is synced", (
        Edit("store/journal.cpp",
             "  durable_step(\"journal: flush\");\n"
             "  if (Status synced = file_.sync(); !synced) {\n"
             "    fatal(synced.error().message);\n  }\n", ""),)),
    Bug("entries-not-flushed", "a save of entries alone is not synced, one of term or vote is", (
        Edit("store/journaled_disk.cpp",
             "  const bool flush = options_.durability == Durability::kHigh || promises(waiting.save);\n",
             "  const bool flush = promises(waiting.save);\n"),)),
    Bug("failed-flush-tried-again", "a flush that failed is tried again, and then believed", (
        Edit("store/journal.cpp",
             "  if (Status synced = file_.sync(); !synced) {\n"
             "    fatal(synced.error().message);\n",
             "  if (Status synced = file_.sync(); !synced) {\n"
             "    (void)file_.sync();\n"),)),
    Bug("journal-checksum-ignored", "a replay takes records that do not match their checksum", (
        Edit("store/journal_format.cpp",
             "  if (sealed->checksum != record_hash64(bytes, payload, journal_id)) {\n",
             "  if (sealed->checksum == 0 && journal_id == 0) {\n"),)),
    Bug("journal-half-given-back-early", "a half is written again before its checkpoint landed", (
        Edit("store/journaled_disk.cpp",
             "  if (!journal_.fits(waiting_save_->save)) {\n",
             "  if (!journal_.fits(waiting_save_->save) && in_flight_) {\n"
             "    journal_.give_back();\n    journal_.turn();\n  }\n"
             "  if (!journal_.fits(waiting_save_->save)) {\n"),)),
    Bug("journal-replay-stops-at-damage", "what follows a damaged record is dropped with it", (
        Edit("store/journal_replay.cpp",
             "        return taken.error();\n",
             "        break;\n"),)),
    # --- Checkpoints ------------------------------------------------------------------------------
    Bug("checkpoint-without-the-save", "a checkpoint counts a record as stored that is not in it", (
        Edit("store/journaled_disk.cpp",
             "  remember(std::move(waiting.save));\n  auto job", "  auto job"),
        Edit("store/journaled_disk.cpp",
             "  begin_if_due();\n  arm_alarm();\n}\n\nbool JournaledDisk::promises",
             "  begin_if_due();\n  remember(std::move(waiting.save));\n  arm_alarm();\n}\n\n"
             "bool JournaledDisk::promises"),)),
    Bug("checkpoint-covers-too-much", "what is journaled meanwhile counts as stored", (
        Edit("store/journaled_disk.cpp",
             "    const Landed result = engine_.store(in_flight->batch);\n",
             "    in_flight->batch.journal_sequence = journal_.last_sequence();\n"
             "    const Landed result = engine_.store(in_flight->batch);\n"),)),
    Bug("switch-forgets-the-vote", "a vote that is only in the journal ends with the old log", (
        Edit("store/disk_install.cpp", "  batch.hard_state = pending_.hard_state;\n", ""),)),
    Bug("vote-not-flushed", "below durability high a vote counts before it is flushed", (
        Edit("store/journaled_disk.cpp", "    if (same != hard_state_) {\n      return true;\n",
             "    if (same != hard_state_) {\n      return false;\n"),)),
    Bug("membership-not-flushed", "below durability high a configuration is written and not flushed", (
        Edit("store/journaled_disk.cpp",
             "    return entry.type == raft::EntryType::kConfiguration;\n  });",
             "    return entry.type == raft::EntryType::kConfiguration && false;\n  });"),)),
    Bug("power-cut-taken-for-damage", "a record that was not flushed is missed after a power cut", (
        Edit("store/journal_replay.cpp", "    if (record.header.sequence > next && next > flushed) {\n",
             "    if (record.header.sequence > next && next > flushed + (1 << 20)) {\n"),)),
    Bug("cache-outlives-the-state", "records in memory stay when a snapshot is installed", (
        Edit("store/overlay.cpp", "  cache_.clear();\n", ""),)),
    Bug("other-generation-not-cleared", "a snapshot is loaded over what an earlier one left", (
        Edit("store/disk_install.cpp", "    other_generation_empty_ = false;\n    if (!end_loading",
             "    other_generation_empty_ = true;\n    if (!end_loading"),
        Edit("store/disk_install.cpp",
             "void JournaledDisk::begin_switch() {\n  other_generation_empty_ = false;\n",
             "void JournaledDisk::begin_switch() {\n  other_generation_empty_ = true;\n"),)),
)


def misfits():
    """What is wrong with the table, as lines."""
    names = [bug.name for bug in BUGS]
    found = [f"{name} is there twice" for name in sorted(set(names)) if names.count(name) > 1]
    for bug in BUGS:
        for edit in bug.edits:
            count = (ROOT / edit.path).read_text(encoding="utf-8").count(edit.old)
            if count != 1:
                found.append(f"{bug.name}: its text stands {count} times in {edit.path}")
    return found


def plant(name, directory):
    """Copies every file that some bug changes, with the changes of this one. Files that stay as they
    are keep their times, so that little is compiled anew for the next bug."""
    chosen = [bug for bug in BUGS if bug.name == name]
    if not chosen and name != "none":
        sys.exit(f"there is no planted bug {name}; they are: " + ", ".join(b.name for b in BUGS))
    texts = {edit.path: (ROOT / edit.path).read_text(encoding="utf-8")
             for bug in BUGS for edit in bug.edits}
    for bug in chosen:
        for edit in bug.edits:
            if texts[edit.path].count(edit.old) != 1:
                sys.exit(f"{name} does not fit {edit.path} any more")
            texts[edit.path] = texts[edit.path].replace(edit.old, edit.new)
    for path, text in texts.items():
        copy = Path(directory) / path
        if not copy.exists() or copy.read_text(encoding="utf-8") != text:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(text, encoding="utf-8")


def main(arguments):
    match arguments:
        case ["list"]:
            print("\n".join(bug.name for bug in BUGS))
        case ["check"]:
            print("\n".join(misfits()))
            return 1 if misfits() else 0
        case ["plant", name, directory]:
            plant(name, directory)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
