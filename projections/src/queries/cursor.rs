//! Where a list goes on: opaque to clients, so that what it holds can change.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The shape of the bytes: another shape gets another number, and an old cursor is refused, not misread.
const SHAPE: u8 = 1;
/// Shape, moment, id, checksum.
const LENGTH: usize = 1 + 8 + 16 + 4;

/// The last row of a page: the next page holds what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(super) at: DateTime<Utc>,
    pub(super) id: Uuid,
}

/// A cursor that Spindle did not give out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that a list has given out")]
pub struct BadCursor;

impl Cursor {
    pub(super) fn new(at: DateTime<Utc>, id: Uuid) -> Self {
        Self { at, id }
    }

    /// The text for a client.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.push(SHAPE);
        bytes.extend(self.at.timestamp_micros().to_be_bytes());
        bytes.extend(self.id.as_bytes());
        bytes.extend(checksum(&bytes).to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the text that a client sent back.
    ///
    /// # Errors
    /// [`BadCursor`] when a list never gave it out.
    pub fn decode(text: &str) -> Result<Self, BadCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        let (body, sum) = bytes.split_at_checked(LENGTH - 4).ok_or(BadCursor)?;
        if sum != checksum(body).to_be_bytes() {
            return Err(BadCursor);
        }
        let [SHAPE, rest @ ..] = body else { return Err(BadCursor) };
        let (micros, id) = rest.split_first_chunk::<8>().ok_or(BadCursor)?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*micros)).ok_or(BadCursor)?;
        let id = Uuid::from_slice(id).map_err(|_| BadCursor)?;
        Ok(Self { at, id })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.encode())
    }
}

impl std::str::FromStr for Cursor {
    type Err = BadCursor;
    fn from_str(text: &str) -> Result<Self, BadCursor> {
        Self::decode(text)
    }
}

/// FNV-1a. It finds damage, and keeps nobody out: a cursor opens nothing that its filter does not.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// From the year 1 to the year 9999, in microseconds, as the database counts.
    const MICROS: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_799_000_000;

    fn cursor(micros: i64, id: u128) -> Cursor {
        Cursor::new(DateTime::from_timestamp_micros(micros).unwrap(), Uuid::from_u128(id))
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was_given_out(micros in MICROS, id in any::<u128>()) {
            let cursor = cursor(micros, id);
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Ok(cursor));
        }

        #[test]
        fn a_cursor_with_one_changed_letter_is_refused(micros in MICROS, id in any::<u128>(), at in 0_usize..38) {
            let mut text = cursor(micros, id).encode().into_bytes();
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(Cursor::decode(&text), Err(BadCursor));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            prop_assert_eq!(Cursor::decode(&text), Err(BadCursor));
        }
    }

    #[test]
    fn a_cursor_of_another_shape_is_refused() {
        let mut bytes = vec![SHAPE + 1];
        bytes.extend([0; 24]);
        bytes.extend(checksum(&bytes).to_be_bytes());
        assert_eq!(Cursor::decode(&URL_SAFE_NO_PAD.encode(bytes)), Err(BadCursor));
        assert_eq!(Cursor::decode(""), Err(BadCursor));
    }
}
