"""Says whether a history of single tickets is linearizable, exactly and in O(n log n).

An operation is a closed interval of time. Done: it returned its ticket. Unknown: it may have taken
one, at any moment from its invocation on. Refused: it certainly took none. With operations of one
size a history is linearizable exactly when

  - no ticket was handed out twice, and none is below the first;
  - an operation invoked after another had returned has the larger ticket;
  - every ticket below the highest seen that nobody reported was taken by an unknown operation: with
    the missing tickets m1 < m2 < ... and the unknown operations in the order of their invocation,
    the k-th unknown was invoked no later than the earliest return of an operation with a ticket
    above mk (unknown operations differ only in when they could begin, so exchanging two of them
    never helps).
"""

from bisect import bisect_right
from collections import namedtuple
from itertools import accumulate

DONE, UNKNOWN, REFUSED = "done", "unknown", "refused"

# Times are nanoseconds of one monotonic clock. `value` is the ticket (None unless done); `server`
# is who gave the last answer (HOST, PORT); `reason` is why an operation is not done.
Operation = namedtuple("Operation", "invoked returned outcome value server reason",
                       defaults=(None, None, None))


def violations(operations, first=1, shown=10):
    """What is wrong with the history, as lines of text; none when it is linearizable.

    `first` is the number that the sequence's next ticket had when the history began.
    """
    done = sorted((o for o in operations if o.outcome == DONE), key=lambda o: o.value)
    unknown = sorted(o.invoked for o in operations if o.outcome == UNKNOWN)
    found = [*_twice(done), *_too_small(done, first), *_out_of_order(done),
             *_missing(done, unknown, first)]
    if len(found) > shown:
        found[shown:] = [f"... and {len(found) - shown} more"]
    return found


def _twice(done):
    for before, after in zip(done, done[1:]):
        if before.value == after.value:
            yield f"ticket {after.value} was handed out twice: {before} and {after}"


def _too_small(done, first):
    for operation in done:
        if operation.value < first:
            yield f"ticket {operation.value} is below {first}, where the history begins"


def _out_of_order(done):
    """Each operation against the highest ticket that had been returned when it was invoked."""
    by_return = sorted(done, key=lambda o: o.returned)
    returns = [o.returned for o in by_return]
    highest = list(accumulate(by_return, lambda a, b: a if a.value > b.value else b))
    for operation in done:
        returned_before = bisect_right(returns, operation.invoked - 1)
        if returned_before and highest[returned_before - 1].value > operation.value:
            larger = highest[returned_before - 1]
            yield (f"ticket {operation.value} was asked for after {larger.value} had been returned:"
                   f" {operation} after {larger}")


def _missing(done, unknown, first):
    """Every gap needs an unknown operation of its own that was invoked early enough."""
    missing = []
    expected = first
    for position, operation in enumerate(done):
        missing.extend((ticket, position) for ticket in range(expected, operation.value))
        expected = max(expected, operation.value + 1)
    # earliest_return[i]: of the operations done[i:].
    earliest_return = list(accumulate((o.returned for o in reversed(done)), min))[::-1]
    if len(missing) > len(unknown):
        tickets = ", ".join(str(ticket) for ticket, _ in missing[:20])
        yield (f"{len(missing)} tickets are missing, the first of them {tickets}, and only"
               f" {len(unknown)} outcomes are unknown")
        return
    for (ticket, position), invoked in zip(missing, unknown):
        if invoked > earliest_return[position]:
            yield (f"ticket {ticket} is missing, and the only unknown operation left for it was"
                   f" invoked {(invoked - earliest_return[position]) / 1e6:.3f} ms too late")
