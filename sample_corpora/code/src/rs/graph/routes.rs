use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

#[derive(Default)]
pub struct RoadMap {
    roads: HashMap<u32, Vec<(u32, u64)>>,
}

impl RoadMap {
    pub fn connect(&mut self, a: u32, b: u32, metres: u64) {
        self.roads.entry(a).or_default().push((b, metres));
        self.roads.entry(b).or_default().push((a, metres));
    }

    pub fn cheapest(&self, from: u32, to: u32) -> Option<(u64, Vec<u32>)> {
        let mut best: HashMap<u32, u64> = HashMap::new();
        let mut came_from: HashMap<u32, u32> = HashMap::new();
        let mut frontier = BinaryHeap::new();
        best.insert(from, 0);
        frontier.push(Reverse((0u64, from)));

        while let Some(Reverse((cost, here))) = frontier.pop() {
            if here == to {
                return Some((cost, unwind(&came_from, from, to)));
            }
            if cost > best[&here] {
                continue;
            }
            for &(there, metres) in self.roads.get(&here).into_iter().flatten() {
                let total = cost + metres;
                if best.get(&there).map_or(true, |&known| total < known) {
                    best.insert(there, total);
                    came_from.insert(there, here);
                    frontier.push(Reverse((total, there)));
                }
            }
        }
        None
    }
}

fn unwind(came_from: &HashMap<u32, u32>, from: u32, to: u32) -> Vec<u32> {
    let mut path = vec![to];
    let mut at = to;
    while at != from {
        at = came_from[&at];
        path.push(at);
    }
    path.reverse();
    path
}
