//! The widths of the published schema.

/// Cuts to a column's width in characters.
pub(super) fn clip(text: &str, width: usize) -> &str {
    if text.len() <= width {
        return text;
    }
    text.char_indices().nth(width).map_or(text, |(end, _)| &text[..end])
}
