package util;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** Thread-safe cache that throws out the least recently used entry. */
public class LruStore<K, V> {
    private final Map<K, V> entries;
    private long hits;
    private long misses;

    public LruStore(int capacity) {
        this.entries = new LinkedHashMap<>(16, 0.75f, true) {
            @Override
            protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
                return size() > capacity;
            }
        };
    }

    public synchronized V get(K key, Function<? super K, ? extends V> loader) {
        V value = entries.get(key);
        if (value != null) {
            hits++;
            return value;
        }
        misses++;
        value = loader.apply(key);
        if (value != null) {
            entries.put(key, value);
        }
        return value;
    }

    public synchronized void invalidate(K key) {
        entries.remove(key);
    }

    public synchronized double hitRate() {
        long total = hits + misses;
        return total == 0 ? 0 : (double) hits / total;
    }
}
