//! The api-versions of the service.

macro_rules! versions {
    ($($version:ident $text:literal)*) => {
        /// An api-version that the service knows. The older one is the smaller.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[non_exhaustive]
        pub enum ApiVersion {
            $(#[doc = concat!("`", $text, "`")] $version,)*
        }

        impl ApiVersion {
            /// Every api-version, the oldest first.
            pub const ALL: &'static [Self] = &[$(Self::$version),*];

            /// Reads the value of the query parameter `api-version`; `None` if there is no such version.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$version),)*
                    _ => None,
                }
            }

            /// The value in a query.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$version => $text),* }
            }
        }
    };
}

versions! {
    V2016_02 "2016-02-01.3.0"
    V2016_07 "2016-07-01.3.1"
    V2017_01 "2017-01-01.4.0"
    V2017_05 "2017-05-01.5.0"
    V2017_06 "2017-06-01.5.1"
    V2017_09 "2017-09-01.6.0"
    V2018_03 "2018-03-01.6.1"
    V2018_08 "2018-08-01.7.0"
    V2018_12 "2018-12-01.8.0"
    V2019_06 "2019-06-01.9.0"
    V2019_08 "2019-08-01.10.0"
    V2020_03 "2020-03-01.11.0"
    V2020_09 "2020-09-01.12.0"
    V2021_06 "2021-06-01.14.0"
    V2022_01 "2022-01-01.15.0"
    V2022_10 "2022-10-01.16.0"
    V2023_05 "2023-05-01.17.0"
    V2023_11 "2023-11-01.18.0"
    V2024_02 "2024-02-01.19.0"
    V2024_07 "2024-07-01.20.0"
    V2025_06 "2025-06-01"
}

impl ApiVersion {
    /// The first api-version of all.
    pub const OLDEST: Self = Self::V2016_02;
    /// The first with the query parameter `force` ([F3](crate::evidence#f3)).
    pub const FORCE: Self = Self::V2024_07;
}

impl core::str::FromStr for ApiVersion {
    type Err = crate::error::UnknownName;

    /// As [`ApiVersion::parse`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).ok_or(crate::error::UnknownName)
    }
}

impl core::fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_reads_back() {
        for version in ApiVersion::ALL {
            assert_eq!(ApiVersion::parse(version.as_str()), Some(*version));
            assert_eq!(version.to_string(), version.as_str());
        }
    }

    #[test]
    fn the_list_goes_by_age() {
        assert!(ApiVersion::ALL.is_sorted());
        // The texts begin with their dates, so they sort as the versions do.
        assert!(ApiVersion::ALL.iter().is_sorted_by_key(|version| version.as_str()));
        assert_eq!(ApiVersion::ALL.first(), Some(&ApiVersion::OLDEST));
        assert_eq!(ApiVersion::ALL.len(), 21);
        assert_eq!(ApiVersion::FORCE.as_str(), "2024-07-01.20.0");
    }

    #[test]
    fn any_other_text_is_no_version() {
        for text in [
            "",
            "2024-07-01",
            "2024-07-01.20.0 ",
            "2024-07-01.20",
            "2020-09-01.13.0",
            "latest",
            "2025-06-01.21.0",
        ] {
            assert_eq!(ApiVersion::parse(text), None, "{text}");
        }
    }
}
