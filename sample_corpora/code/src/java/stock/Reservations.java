package stock;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;

/**
 * Puts goods aside while a customer is paying. A hold that is not confirmed in
 * time lapses and the goods can be sold to somebody else.
 */
public class Reservations {
    private record Hold(String sku, int count, Instant until) {}

    private final Map<String, Integer> onHand = new HashMap<>();
    private final Map<UUID, Hold> holds = new HashMap<>();
    private final Duration patience;
    private final Clock clock;

    public Reservations(Duration patience, Clock clock) {
        this.patience = patience;
        this.clock = clock;
    }

    public synchronized void receive(String sku, int count) {
        onHand.merge(sku, count, Integer::sum);
    }

    public synchronized int available(String sku) {
        holds.values().removeIf(hold -> !hold.until().isAfter(clock.instant()));
        int held = holds.values().stream()
                .filter(hold -> hold.sku().equals(sku))
                .mapToInt(Hold::count)
                .sum();
        return onHand.getOrDefault(sku, 0) - held;
    }

    public synchronized UUID reserve(String sku, int count) {
        if (available(sku) < count) {
            throw new IllegalStateException("only " + available(sku) + " left of " + sku);
        }
        UUID id = UUID.randomUUID();
        holds.put(id, new Hold(sku, count, clock.instant().plus(patience)));
        return id;
    }

    public synchronized void confirm(UUID id) {
        Hold hold = holds.remove(id);
        if (hold == null || !hold.until().isAfter(clock.instant())) {
            throw new IllegalStateException("hold has lapsed");
        }
        onHand.merge(hold.sku(), -hold.count(), Integer::sum);
    }
}
