//! How a catalogue writes an instant: as RFC 3339 text, as the text of a date with boundary and zone, or as a mapping
//! of the three. It is written back as RFC 3339.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cli::date::{Moment, ZonedDate, instant_text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DateEntry {
    date: String,
    zone: String,
    boundary: String,
}

struct MomentVisitor;

impl<'de> Visitor<'de> for MomentVisitor {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 instant, or a mapping with date, zone and boundary")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Moment, A::Error> {
        let entry = DateEntry::deserialize(MapAccessDeserializer::new(map))?;
        ZonedDate::parse(&entry.date, &entry.boundary, &entry.zone)
            .and_then(ZonedDate::moment)
            .map_err(A::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Moment, D::Error> {
        deserializer.deserialize_any(MomentVisitor)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&instant_text(self.instant))
    }
}
