//! Generated bindings of devhub's protocol. The contract itself, with its documentation, is in `proto/`.
#![expect(missing_docs, reason = "the documentation is in the .proto files and is carried over where there is any")]
#![allow(
    clippy::all,
    clippy::allow_attributes,
    clippy::wildcard_enum_match_arm,
    reason = "generated code; which lints it meets depends on the generator"
)]

/// The wire: package `devhub.v1`.
pub mod v1 {
    tonic::include_proto!("devhub.v1");

    // A secret in a message must not reach a log by way of `{:?}`.
    impl std::fmt::Debug for BreakGlassRequest {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let shown = (&self.proposal_id, &self.reason, &self.etag, &self.request_id);
            f.debug_tuple("BreakGlassRequest").field(&shown).finish_non_exhaustive()
        }
    }

    impl std::fmt::Debug for CreateClientSecretResponse {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let shown = (&self.client_secret, self.replayed, self.revision);
            f.debug_tuple("CreateClientSecretResponse").field(&shown).finish_non_exhaustive()
        }
    }

    impl std::fmt::Debug for CreateServiceAccountResponse {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let shown = (&self.account, self.replayed, self.revision, &self.warnings);
            f.debug_tuple("CreateServiceAccountResponse").field(&shown).finish_non_exhaustive()
        }
    }

    impl std::fmt::Debug for RotateServiceAccountSecretResponse {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let shown = (&self.account, self.replayed, self.revision);
            f.debug_tuple("RotateServiceAccountSecretResponse").field(&shown).finish_non_exhaustive()
        }
    }

    impl std::fmt::Debug for VerifyCredentialsRequest {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("VerifyCredentialsRequest").field("client_id", &self.client_id).finish_non_exhaustive()
        }
    }

    // An assertion is good until somebody has presented it.
    impl std::fmt::Debug for VerifyAssertionRequest {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("VerifyAssertionRequest").field("audience", &self.audience).finish_non_exhaustive()
        }
    }

    // A public key is no secret, but some send the other half.
    impl std::fmt::Debug for AddKeyRequest {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let shown = (&self.application_id, &self.name, &self.expire_time);
            f.debug_tuple("AddKeyRequest").field(&shown).finish_non_exhaustive()
        }
    }

    /// The compiled descriptors of the wire, for reflection and for transcoders.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/devhub.descriptors.bin"));
}

/// Who may make each call of `devhub.v1`, as its `option (access)` says, in order of path.
pub mod access {
    include!(concat!(env!("OUT_DIR"), "/access.rs"));
}

/// What Envoy asks, as far as devhub reads it.
pub mod envoy {
    /// Services of Envoy's.
    pub mod service {
        /// External authorization.
        pub mod auth {
            /// Version 3.
            pub mod v3 {
                tonic::include_proto!("envoy.service.auth.v3");
            }
        }
    }
}

/// What an exported audit trail consists of: package `devhub.audit.v1`.
pub mod audit {
    /// Format 1.
    pub mod v1 {
        tonic::include_proto!("devhub.audit.v1");
    }
}

/// What devhub keeps on disk: package `devhub.store.v1`.
pub mod store {
    /// Format 1.
    pub mod v1 {
        tonic::include_proto!("devhub.store.v1");
    }
}
