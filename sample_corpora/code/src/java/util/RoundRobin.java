package util;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

public class RoundRobin {
    private static final long BENCH_MILLIS = 10_000;

    private final List<String> backends;
    private final AtomicInteger turn = new AtomicInteger();
    private final Map<String, Long> benched = new ConcurrentHashMap<>();

    public RoundRobin(List<String> backends) {
        this.backends = List.copyOf(backends);
    }

    public Optional<String> next() {
        long now = System.currentTimeMillis();
        for (int i = 0; i < backends.size(); i++) {
            int index = Math.floorMod(turn.getAndIncrement(), backends.size());
            String backend = backends.get(index);
            Long until = benched.get(backend);
            if (until == null || until <= now) {
                benched.remove(backend);
                return Optional.of(backend);
            }
        }
        return Optional.empty();
    }

    public void reportFailure(String backend) {
        benched.put(backend, System.currentTimeMillis() + BENCH_MILLIS);
    }
}
