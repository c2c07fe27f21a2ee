package util;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NoSuchElementException;

public class JobQueue<T> {
    private final List<T> heap = new ArrayList<>();
    private final Comparator<? super T> order;

    public JobQueue(Comparator<? super T> order) {
        this.order = order;
    }

    public void add(T item) {
        heap.add(item);
        int at = heap.size() - 1;
        while (at > 0 && before(at, (at - 1) / 2)) {
            swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    public T takeMostUrgent() {
        if (heap.isEmpty()) {
            throw new NoSuchElementException();
        }
        T top = heap.get(0);
        T last = heap.remove(heap.size() - 1);
        if (!heap.isEmpty()) {
            heap.set(0, last);
            sink();
        }
        return top;
    }

    public int size() {
        return heap.size();
    }

    private void sink() {
        int at = 0;
        while (true) {
            int best = at;
            for (int child = 2 * at + 1; child <= 2 * at + 2; child++) {
                if (child < heap.size() && before(child, best)) {
                    best = child;
                }
            }
            if (best == at) {
                return;
            }
            swap(at, best);
            at = best;
        }
    }

    private boolean before(int a, int b) {
        return order.compare(heap.get(a), heap.get(b)) < 0;
    }

    private void swap(int a, int b) {
        T held = heap.get(a);
        heap.set(a, heap.get(b));
        heap.set(b, held);
    }
}
