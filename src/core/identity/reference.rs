//! 受付番号: what a customer reads out on the telephone.

use crate::id::InteractionId;
use crate::keys::seal::Sealer;

/// 受付番号: four letters and four digits that a customer can read out on the telephone. Letters that sound or look alike
/// are left out. It identifies a record and gives no access. It is derived from the interaction's id with the index
/// key, so that ⑥ can show the number that the notice will have.
#[must_use]
pub fn reference(sealer: &Sealer, way: &InteractionId) -> String {
    const LETTERS: &[u8; 22] = b"ABCDEFGHJKLMNPQRTUVWXY";
    let drawn = sealer.index("reference", way.as_str());
    let (letters, digits) = drawn.as_bytes()[..8].split_at(4);
    let mut out: String = letters.iter().map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()])).collect();
    out.push('-');
    out.extend(digits.iter().filter_map(|b| char::from_digit(u32::from(*b) % 10, 10)));
    out
}
