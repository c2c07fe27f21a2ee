#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    data: Vec<f64>,
}

impl Matrix {
    pub fn new(rows: usize, cols: usize, data: Vec<f64>) -> Self {
        assert_eq!(data.len(), rows * cols);
        Matrix { rows, cols, data }
    }

    pub fn identity(n: usize) -> Self {
        let mut data = vec![0.0; n * n];
        for i in 0..n {
            data[i * n + i] = 1.0;
        }
        Matrix::new(n, n, data)
    }

    pub fn times(&self, other: &Matrix) -> Option<Matrix> {
        if self.cols != other.rows {
            return None;
        }
        let mut out = vec![0.0; self.rows * other.cols];
        // i, k, j order walks both inputs row by row, which the cache likes.
        for i in 0..self.rows {
            for k in 0..self.cols {
                let factor = self.data[i * self.cols + k];
                for j in 0..other.cols {
                    out[i * other.cols + j] += factor * other.data[k * other.cols + j];
                }
            }
        }
        Some(Matrix::new(self.rows, other.cols, out))
    }

    pub fn transpose(&self) -> Matrix {
        let mut data = Vec::with_capacity(self.data.len());
        for j in 0..self.cols {
            for i in 0..self.rows {
                data.push(self.data[i * self.cols + j]);
            }
        }
        Matrix::new(self.cols, self.rows, data)
    }
}
