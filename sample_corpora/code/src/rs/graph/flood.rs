use std::collections::VecDeque;

pub type Grid = Vec<Vec<u8>>;

const STEPS: [(i32, i32); 4] = [(0, 1), (1, 0), (0, -1), (-1, 0)];

fn at(grid: &Grid, row: i32, col: i32) -> Option<u8> {
    if row < 0 || col < 0 {
        return None;
    }
    grid.get(row as usize)?.get(col as usize).copied()
}

/// Recolours the connected area around a cell; returns how many cells changed.
pub fn fill(grid: &mut Grid, row: i32, col: i32, colour: u8) -> usize {
    let old = match at(grid, row, col) {
        Some(old) if old != colour => old,
        _ => return 0,
    };
    let mut queue = VecDeque::from([(row, col)]);
    grid[row as usize][col as usize] = colour;
    let mut changed = 1;
    while let Some((r, c)) = queue.pop_front() {
        for (dr, dc) in STEPS {
            let (nr, nc) = (r + dr, c + dc);
            if at(grid, nr, nc) == Some(old) {
                grid[nr as usize][nc as usize] = colour;
                changed += 1;
                queue.push_back((nr, nc));
            }
        }
    }
    changed
}

pub fn count_islands(mut grid: Grid, land: u8, water: u8) -> usize {
    let mut found = 0;
    for row in 0..grid.len() {
        for col in 0..grid[row].len() {
            if grid[row][col] == land {
                fill(&mut grid, row as i32, col as i32, water);
                found += 1;
            }
        }
    }
    found
}
