/// Splits one line of comma separated values, minding double quotes.
///
/// Unlike a full reader this does not allow a line break inside quotes.
pub fn split_line(line: &str, separator: char) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut inside = false;
    let mut chars = line.trim_end_matches(&['\r', '\n'][..]).chars().peekable();

    while let Some(c) = chars.next() {
        match (inside, c) {
            (true, '"') if chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            (true, '"') => inside = false,
            (false, '"') if field.is_empty() => inside = true,
            (false, c) if c == separator => fields.push(std::mem::take(&mut field)),
            (_, c) => field.push(c),
        }
    }
    if inside {
        return Err(format!("no closing quote: {line}"));
    }
    fields.push(field);
    Ok(fields)
}

pub fn join_line(fields: &[&str], separator: char) -> String {
    let mut out = String::new();
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            out.push(separator);
        }
        if field.contains(separator) || field.contains(['"', '\n', '\r']) {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out
}
