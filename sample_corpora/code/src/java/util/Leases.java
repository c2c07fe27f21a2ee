package util;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** Lends out a limited number of costly objects, such as database connections. */
public class Leases<T> {
    private final Deque<T> idle = new ArrayDeque<>();
    private final Semaphore permits;
    private final Supplier<T> create;
    private final Predicate<T> stillGood;

    public Leases(int max, Supplier<T> create, Predicate<T> stillGood) {
        this.permits = new Semaphore(max, true);
        this.create = create;
        this.stillGood = stillGood;
    }

    public T borrow(long millis) throws InterruptedException, TimeoutException {
        if (!permits.tryAcquire(millis, TimeUnit.MILLISECONDS)) {
            throw new TimeoutException("all in use");
        }
        try {
            T found;
            while ((found = pollIdle()) != null) {
                if (stillGood.test(found)) {
                    return found;
                }
            }
            return create.get();
        } catch (RuntimeException e) {
            permits.release();
            throw e;
        }
    }

    public void giveBack(T item) {
        synchronized (idle) {
            idle.push(item);
        }
        permits.release();
    }

    private T pollIdle() {
        synchronized (idle) {
            return idle.poll();
        }
    }
}
