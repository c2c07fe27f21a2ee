import random
import time


class GaveUp(Exception):
    def __init__(self, attempts, last):
        super().__init__(f"gave up after {attempts} attempts: {last!r}")
        self.attempts = attempts
        self.last = last


def delays(base=0.2, factor=2.0, ceiling=30.0, rng=random.random):
    current = base
    while True:
        yield min(ceiling, current) * (0.5 + rng() / 2)
        current = min(ceiling, current * factor)


def call_with_retry(func, *, attempts=5, retry_on=(OSError,), sleep=time.sleep, **timing):
    """Call ``func`` until it succeeds.

    Only the exception types in ``retry_on`` are swallowed. The pause doubles
    from one try to the next and carries some jitter, so that many clients
    that failed together do not come back together.
    """
    last = None
    for number, pause in zip(range(1, attempts + 1), delays(**timing)):
        try:
            return func()
        except retry_on as error:
            last = error
            if number < attempts:
                sleep(pause)
    raise GaveUp(attempts, last)
