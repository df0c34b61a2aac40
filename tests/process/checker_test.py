#!/usr/bin/python3
"""The checker on trial: what it must catch, and what it must let pass."""

import random
import unittest
from itertools import permutations

from checker import DONE, REFUSED, UNKNOWN, Operation, violations


def done(invoked, returned, value):
    return Operation(invoked, returned, DONE, value)


def unknown(invoked, returned=10**9):
    return Operation(invoked, returned, UNKNOWN)


def refused(invoked, returned):
    return Operation(invoked, returned, REFUSED)


def sound_history(randomness, clients=4, length=40):
    """Clients taking tickets at random times; some answers get lost, before or after the ticket."""
    now, ticket, history = 0, 0, []
    for _ in range(length):
        overlapping = randomness.randrange(1, clients + 1)
        invoked = [now + randomness.randrange(10) for _ in range(overlapping)]
        now += 10
        for start in invoked:
            returned = now + randomness.randrange(10)
            fate = randomness.randrange(10)
            if fate == 0:
                history.append(unknown(start))
            elif fate == 1:
                history.append(refused(start, returned))
            else:
                ticket += 1
                history.append(unknown(start) if fate == 2 else done(start, returned, ticket))
        now += 10
    return history


def linearizable_by_trying_all(history):
    """The slow, obvious twin: some order of the operations explains all tickets."""
    acknowledged = [o for o in history if o.outcome == DONE]
    unknowns = [o for o in history if o.outcome == UNKNOWN]
    highest = max((o.value for o in acknowledged), default=0)
    missing = set(range(1, highest + 1)) - {o.value for o in acknowledged}
    if len(acknowledged) + len(missing) != highest or len(missing) > len(unknowns):
        return False
    for chosen in permutations(unknowns, len(missing)):
        order = sorted([(o.value, o.invoked, o.returned) for o in acknowledged] +
                       [(value, o.invoked, 10**12) for value, o in zip(sorted(missing), chosen)])
        if all(later_returned >= invoked
               for position, (_, invoked, _) in enumerate(order)
               for _, _, later_returned in order[position + 1:]):
            return True
    return not missing and not acknowledged


class Checker(unittest.TestCase):
    def assert_caught(self, text, *history, first=1):
        found = violations(list(history), first)
        self.assertTrue(any(text in line for line in found), found)

    def assert_sound(self, *history, first=1):
        self.assertEqual([], violations(list(history), first))

    def test_sequential_tickets_pass(self):
        self.assert_sound(done(1, 2, 1), done(3, 4, 2), done(5, 6, 3))

    def test_overlapping_tickets_pass_in_any_order(self):
        self.assert_sound(done(1, 9, 3), done(2, 8, 1), done(3, 7, 2))

    def test_an_interval_that_touches_another_counts_as_overlapping(self):
        self.assert_sound(done(1, 5, 2), done(5, 6, 1))

    def test_a_ticket_handed_out_twice_is_caught(self):
        self.assert_caught("twice", done(1, 2, 1), done(3, 4, 2), done(3, 5, 2))

    def test_a_smaller_ticket_after_a_larger_one_is_caught(self):
        self.assert_caught("asked for after", done(1, 2, 2), done(3, 4, 1))

    def test_a_skipped_ticket_is_caught(self):
        self.assert_caught("missing", done(1, 2, 1), done(3, 4, 3))

    def test_a_history_that_does_not_begin_at_the_first_ticket_is_caught(self):
        self.assert_caught("missing", done(1, 2, 2))
        self.assert_caught("below", done(1, 2, 4), first=5)

    def test_a_reset_is_caught(self):
        self.assert_caught("twice", done(1, 2, 1), done(3, 4, 2), done(5, 6, 1))

    def test_a_lost_tail_that_is_handed_out_again_is_caught(self):
        self.assert_caught("twice", *(done(2 * n, 2 * n + 1, n) for n in range(1, 10)),
                           *(done(100 + n, 100 + n, n) for n in range(7, 12)))

    def test_a_gap_is_explained_by_an_unknown_operation(self):
        self.assert_sound(done(1, 2, 1), unknown(3), done(5, 6, 3))

    def test_a_gap_whose_unknown_operation_came_too_late_is_caught(self):
        self.assert_caught("too late", done(1, 2, 1), done(3, 4, 3), unknown(5))

    def test_a_refused_operation_explains_no_gap(self):
        self.assert_caught("missing", done(1, 2, 1), refused(3, 4), done(5, 6, 3))

    def test_one_unknown_operation_explains_one_gap_only(self):
        self.assert_caught("missing", unknown(0), done(1, 2, 2), done(3, 4, 4))

    def test_an_unknown_operation_that_took_nothing_passes(self):
        self.assert_sound(done(1, 2, 1), unknown(3), done(5, 6, 2), unknown(7))

    def test_sound_histories_pass_and_stay_sound_when_weakened(self):
        for seed in range(200):
            with self.subTest(seed=seed):
                randomness = random.Random(seed)
                history = sound_history(randomness)
                self.assert_sound(*history)
                victim = randomness.randrange(len(history))
                if history[victim].outcome == DONE:
                    wider = history[victim]._replace(invoked=history[victim].invoked - 5,
                                                     returned=history[victim].returned + 5)
                    self.assert_sound(*history[:victim], wider, *history[victim + 1:])
                    lost = unknown(history[victim].invoked)
                    self.assert_sound(*history[:victim], lost, *history[victim + 1:])

    def test_an_acknowledged_ticket_turned_into_a_refusal_is_caught(self):
        for seed in range(200):
            history = [o for o in sound_history(random.Random(seed)) if o.outcome != UNKNOWN]
            tickets = sorted(o.value for o in history if o.outcome == DONE)
            if tickets != list(range(1, len(tickets) + 1)) or len(tickets) < 2:
                continue
            victim = next(i for i, o in enumerate(history) if o.value == tickets[len(tickets) // 2])
            history[victim] = refused(history[victim].invoked, history[victim].returned)
            with self.subTest(seed=seed):
                self.assertTrue(violations(history))

    def test_it_agrees_with_trying_all_orders_on_small_random_histories(self):
        verdicts = set()
        for seed in range(4000):
            randomness = random.Random(seed)
            history = []
            for _ in range(randomness.randrange(1, 6)):
                invoked = randomness.randrange(12)
                if randomness.random() < 0.35:
                    history.append(unknown(invoked))
                else:
                    history.append(done(invoked, invoked + randomness.randrange(6),
                                        randomness.randrange(1, 6)))
            expected = linearizable_by_trying_all(history)
            verdicts.add(expected)
            with self.subTest(seed=seed, history=history):
                self.assertEqual(expected, not violations(history))
        self.assertEqual({True, False}, verdicts)


if __name__ == "__main__":
    unittest.main()
