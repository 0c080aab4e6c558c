//! The checks that a credential can fail. Which one it was is for the log and the metrics; whoever presented it is told
//! only that it was refused.

macro_rules! checks {
    ($($variant:ident $label:literal $sentence:literal,)+) => {
        /// A check that a credential can fail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
        pub enum Check {
            $(
                #[doc = concat!("Failed when ", $sentence, ".")]
                #[error($sentence)]
                $variant,
            )+
        }

        impl Check {
            /// All of them.
            pub const ALL: &'static [Check] = &[$(Check::$variant),+];

            /// Its label in metrics.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Check::$variant => $label,)+
                }
            }
        }
    };
}

checks! {
    NoCredentials "NO_CREDENTIALS" "nothing is presented",
    HeaderForm "HEADER_FORM" "a header with a credential is given twice, or is not of its form",
    TwoCallers "TWO_CALLERS" "two credentials speak for two callers",
    PortalAlone "PORTAL_ALONE" "a portal calls without a person's token",
    UserWithoutPortal "USER_WITHOUT_PORTAL" "a person's token is handed on by nobody who is a portal",
    UserKind "USER_KIND" "what a portal hands on is not a person's token",
    PortalNeeded "PORTAL_NEEDED" "a developer or a company's administrator does not call through a portal",
    NotAGateway "NOT_A_GATEWAY" "somebody else than a gateway asks where gateways ask",
    TokenTooLong "TOKEN_TOO_LONG" "the token has more than 8192 bytes",
    TokenForm "TOKEN_FORM" "the token is not three parts of base64url without padding",
    TokenHeader "TOKEN_HEADER" "the token's header is no object, or says something twice",
    TokenHeaderMember "TOKEN_HEADER_MEMBER" "the token's header brings a key, an address of one, or something critical",
    TokenType "TOKEN_TYPE" "the token's header names another type than JWT",
    TokenAlgorithm "TOKEN_ALGORITHM" "the token's header names an algorithm that is not that of the key",
    TokenKeyId "TOKEN_KEY_ID" "the token's header names no key",
    TokenKeyUnknown "TOKEN_KEY_UNKNOWN" "the issuer has no such key",
    TokenPayload "TOKEN_PAYLOAD" "the token's claims are no object, or say something twice",
    TokenIssuer "TOKEN_ISSUER" "the token is of no issuer that is configured",
    TokenSignature "TOKEN_SIGNATURE" "the signature is not that of the key",
    TokenAudience "TOKEN_AUDIENCE" "the token is not for this hub alone",
    TokenSubject "TOKEN_SUBJECT" "the token has no subject, or one that cannot be",
    TokenTimes "TOKEN_TIMES" "exp, nbf or iat is missing, is no whole number of seconds, or contradicts another",
    TokenExpired "TOKEN_EXPIRED" "the token has expired",
    TokenTooEarly "TOKEN_TOO_EARLY" "the token is not valid yet",
    TokenIssuedLater "TOKEN_ISSUED_LATER" "the token was issued in the future",
    TokenLifetime "TOKEN_LIFETIME" "the token lives longer than its issuer's may",
    TokenRole "TOKEN_ROLE" "devhub_role does not name exactly one role",
    TokenRoleForeign "TOKEN_ROLE_FOREIGN" "the issuer may not speak for the role",
    TokenClaims "TOKEN_CLAIMS" "the role's claims are missing or malformed, or there are claims of another role",
    AssertionClient "ASSERTION_CLIENT" "iss, sub and the client id beside the assertion are not one client",
    AssertionId "ASSERTION_ID" "the assertion has no jti, or one that cannot be",
    AssertionBeforeStart "ASSERTION_BEFORE_START" "the assertion may have been used before this hub started",
    AssertionUsed "ASSERTION_USED" "the assertion was used before",
    CertificateForm "CERTIFICATE_FORM" "the certificate cannot be read",
    CertificateExpired "CERTIFICATE_EXPIRED" "the certificate of the connection has expired since the handshake",
    CertificateRefused "CERTIFICATE_REFUSED" "the certificate of the connection is not one of the present authority",
    GatewayRevoked "GATEWAY_REVOKED" "an operator has revoked the gateway",
    CertificateIdentity "CERTIFICATE_IDENTITY" "the certificate does not name exactly one caller",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_has_its_place_and_its_label() {
        let labels: BTreeSet<&str> = Check::ALL.iter().map(|check| check.label()).collect();
        assert_eq!(labels.len(), Check::ALL.len());
        for (place, check) in Check::ALL.iter().enumerate() {
            assert_eq!(*check as usize, place);
        }
    }
}
