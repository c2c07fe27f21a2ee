from collections import defaultdict, deque


class Cycle(Exception):
    def __init__(self, names):
        super().__init__("circular: " + ", ".join(sorted(names)))
        self.names = names


def order(needs):
    """Arrange tasks so that each comes after everything it needs.

    ``needs`` maps a task to the tasks it depends on. Raises ``Cycle`` when
    some of them wait for each other.
    """
    waiting = {}
    dependants = defaultdict(list)
    for task, required in needs.items():
        waiting[task] = len(set(required))
        for other in set(required):
            dependants[other].append(task)
            if other not in needs:
                waiting.setdefault(other, 0)

    ready = deque(sorted(task for task, count in waiting.items() if count == 0))
    done = []
    while ready:
        task = ready.popleft()
        done.append(task)
        for dependant in sorted(dependants[task]):
            waiting[dependant] -= 1
            if waiting[dependant] == 0:
                ready.append(dependant)
    if len(done) != len(waiting):
        raise Cycle(set(waiting) - set(done))
    return done
