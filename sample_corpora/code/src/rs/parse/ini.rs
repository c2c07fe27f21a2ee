use std::collections::BTreeMap;

pub type Section = BTreeMap<String, String>;

#[derive(Debug)]
pub struct IniError {
    pub line: usize,
    pub reason: &'static str,
}

pub fn parse(text: &str) -> Result<BTreeMap<String, Section>, IniError> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let mut current = String::new();
    for (index, raw) in text.lines().enumerate() {
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let fail = |reason| IniError { line: index + 1, reason };
        if let Some(rest) = line.strip_prefix('[') {
            let name = rest.strip_suffix(']').ok_or_else(|| fail("missing ]"))?;
            current = name.trim().to_string();
            sections.entry(current.clone()).or_default();
            continue;
        }
        let (key, value) = line.split_once('=').ok_or_else(|| fail("missing ="))?;
        let value = value.trim();
        let value = value
            .strip_prefix('"')
            .and_then(|v| v.strip_suffix('"'))
            .unwrap_or(value);
        sections
            .entry(current.clone())
            .or_default()
            .insert(key.trim().to_string(), value.to_string());
    }
    Ok(sections)
}
