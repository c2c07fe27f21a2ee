pub fn eval(text: &str) -> Result<f64, String> {
    let chars: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let mut parser = Parser { chars, at: 0 };
    let value = parser.sum()?;
    match parser.peek() {
        None => Ok(value),
        Some(c) => Err(format!("unexpected '{c}' at {}", parser.at)),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let hit = self.peek() == Some(wanted);
        self.at += hit as usize;
        hit
    }

    fn sum(&mut self) -> Result<f64, String> {
        let mut left = self.product()?;
        loop {
            if self.take('+') {
                left += self.product()?;
            } else if self.take('-') {
                left -= self.product()?;
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut left = self.atom()?;
        loop {
            if self.take('*') {
                left *= self.atom()?;
            } else if self.take('/') {
                left /= self.atom()?;
            } else {
                return Ok(left);
            }
        }
    }

    fn atom(&mut self) -> Result<f64, String> {
        if self.take('-') {
            return Ok(-self.atom()?);
        }
        if self.take('(') {
            let inner = self.sum()?;
            return if self.take(')') { Ok(inner) } else { Err("missing )".into()) };
        }
        let start = self.at;
        while self.peek().map_or(false, |c| c.is_ascii_digit() || c == '.') {
            self.at += 1;
        }
        let digits: String = self.chars[start..self.at].iter().collect();
        digits.parse().map_err(|_| format!("number expected at {start}"))
    }
}
