//! Rules B79, B86 and B87: what the marketplace shows, and which version companies can update to.

use devhub_proto::v1;
use devhub_proto::v1::AppVersionState::{Approved, Promoted, Submitted};
use devhub_proto::v1::OrganisationStatus::{VerifiedPartner, VerifiedPrivate};
use tonic::Status;

use crate::promoting::{OWNER, app_version};
use crate::world::*;

impl World {
    /// A promoted version 1.0.0 of a production application whose owner is a partner.
    pub(crate) async fn partner_app(&self, id: &str) {
        self.organisation(OWNER, VerifiedPartner).await;
        self.production_app(id).await;
        self.release(id, "1.0.0").await;
    }

    /// Makes and promotes a version.
    pub(crate) async fn release(&self, id: &str, number: &str) {
        self.make(app_version(id, number)).await.unwrap();
        self.promote_app(id, number).await.unwrap();
    }

    pub(crate) async fn submit_listing(&self, id: &str, number: &str) -> Result<v1::Listing, Status> {
        let request =
            v1::SubmitListingRequest { application_id: id.into(), version: number.into(), ..Default::default() };
        Ok(self.listings(ADA).submit_listing(request).await?.into_inner().listing.unwrap())
    }

    pub(crate) async fn approve_listing(&self, id: &str) -> Result<v1::Listing, Status> {
        let request = v1::ApproveListingRequest { application_id: id.into(), ..Default::default() };
        Ok(self.listings(OPERATOR).approve_listing(request).await?.into_inner().listing.unwrap())
    }

    pub(crate) async fn remove_listing(&self, id: &str) -> Result<v1::Listing, Status> {
        let request = v1::RemoveListingRequest {
            application_id: id.into(),
            reason: "the owner does not answer".into(),
            ..Default::default()
        };
        Ok(self.listings(OPERATOR).remove_listing(request).await?.into_inner().listing.unwrap())
    }

    pub(crate) async fn submit_app(&self, id: &str, number: &str) -> Result<v1::AppVersion, Status> {
        let request =
            v1::SubmitAppVersionRequest { application_id: id.into(), version: number.into(), ..Default::default() };
        Ok(self.app_versions(ADA).submit_app_version(request).await?.into_inner().app_version.unwrap())
    }

    pub(crate) async fn approve_app(&self, id: &str, number: &str) -> Result<v1::AppVersion, Status> {
        let request =
            v1::ApproveAppVersionRequest { application_id: id.into(), version: number.into(), ..Default::default() };
        Ok(self.app_versions(OPERATOR).approve_app_version(request).await?.into_inner().app_version.unwrap())
    }

    pub(crate) async fn listing(&self, id: &str) -> v1::Listing {
        let request = v1::GetListingRequest { application_id: id.into() };
        self.listings("").get_listing(request).await.unwrap().into_inner().listing.unwrap()
    }

    pub(crate) async fn available(&self, id: &str) -> String {
        let request = v1::ListAppVersionsRequest { application_id: id.into(), ..Default::default() };
        self.app_versions("").list_app_versions(request).await.unwrap().into_inner().available_version
    }
}

#[tokio::test]
async fn a_listing_needs_a_partner_and_a_promoted_version() {
    let world = World::new().await;
    world.production_app("app").await;
    world.organisation(OWNER, VerifiedPrivate).await;
    world.make(app_version("app", "1.0.0")).await.unwrap();
    assert_eq!(refused(world.submit_listing("app", "1.0.0").await), "ORGANISATION_NOT_A_PARTNER");
    world.organisation(OWNER, VerifiedPartner).await;
    assert_eq!(refused(world.submit_listing("app", "1.0.0").await), "ILLEGAL_APP_VERSION_STATE");
    assert_eq!(refused(world.submit_listing("app", "7.0.0").await), "APP_VERSION_NOT_FOUND");
    world.promote_app("app", "1.0.0").await.unwrap();
    assert_eq!(refused(world.approve_listing("app").await), "LISTING_NOT_FOUND");
    let submitted = world.submit_listing("app", "1.0.0").await.unwrap();
    assert_eq!(submitted.state(), v1::ListingState::Submitted);
    assert_eq!(world.app_version("app", "1.0.0").await.state(), Submitted);
    assert_eq!(refused(world.submit_listing("app", "1.0.0").await), "NOTHING_TO_DO");
    // A later version takes the place of the one that waits.
    world.release("app", "1.1.0").await;
    world.submit_listing("app", "1.1.0").await.unwrap();
    let request = v1::ApproveListingRequest { application_id: "app".into(), ..Default::default() };
    assert_eq!(refused(world.listings(ADA).approve_listing(request).await), "OPERATOR_REQUIRED");
    let listed = world.approve_listing("app").await.unwrap();
    assert_eq!((listed.state(), listed.version.as_str()), (v1::ListingState::Listed, "1.1.0"));
    assert_eq!(world.app_version("app", "1.1.0").await.state(), Approved);
    assert_eq!(world.app_version("app", "1.0.0").await.state(), Submitted);
    assert_eq!(refused(world.approve_listing("app").await), "NOTHING_TO_DO");
    // Who took which step, and when, stays.
    let version = world.app_version("app", "1.1.0").await;
    let actors = [version.created, version.promoted, version.submitted, version.approved];
    let actors: Vec<String> = actors.into_iter().map(|step| step.unwrap().actor).collect();
    assert_eq!(actors, [ADA, ADA, ADA, OPERATOR]);
}

#[tokio::test]
async fn b79_a_listed_application_waits_for_approval_and_a_custom_one_does_not() {
    let world = World::new().await;
    world.partner_app("app").await;
    assert_eq!(world.available("app").await, "1.0.0");
    world.make(app_version("app", "1.1.0")).await.unwrap();
    assert_eq!(world.available("app").await, "1.0.0", "not promoted");
    world.promote_app("app", "1.1.0").await.unwrap();
    assert_eq!(world.available("app").await, "1.1.0", "a custom application: at once");
    assert_eq!(refused(world.submit_app("app", "1.1.0").await), "ILLEGAL_LISTING_STATE");
    world.submit_listing("app", "1.1.0").await.unwrap();
    assert_eq!(world.available("app").await, "1.1.0", "not listed yet");
    assert_eq!(refused(world.approve_app("app", "1.1.0").await), "ILLEGAL_LISTING_STATE");
    world.approve_listing("app").await.unwrap();
    for (step, number) in [("promote", "1.2.0"), ("promote", "1.3.0")] {
        world.release("app", number).await;
        assert_eq!(world.available("app").await, "1.1.0", "{step} {number}");
    }
    assert_eq!(refused(world.approve_app("app", "1.2.0").await), "ILLEGAL_APP_VERSION_STATE");
    assert_eq!(world.submit_app("app", "1.2.0").await.unwrap().state(), Submitted);
    assert_eq!(world.available("app").await, "1.1.0", "submitted, not approved");
    assert_eq!(world.approve_app("app", "1.2.0").await.unwrap().state(), Approved);
    assert_eq!(world.available("app").await, "1.2.0");
    assert_eq!(world.app_version("app", "1.3.0").await.state(), Promoted);
    // After a removal it is no custom application again: what was reviewed stays what companies have.
    world.remove_listing("app").await.unwrap();
    assert_eq!(world.available("app").await, "1.2.0");
}

#[tokio::test]
async fn b87_a_removed_listing_may_be_submitted_again() {
    let mut world = World::new().await;
    world.partner_app("app").await;
    world.submit_listing("app", "1.0.0").await.unwrap();
    let listed = world.approve_listing("app").await.unwrap();
    let first = listed.first_list_time;
    let stale = v1::RemoveListingRequest {
        application_id: "app".into(),
        reason: "x".into(),
        etag: "1".into(),
        ..Default::default()
    };
    assert_eq!(refused(world.listings(OPERATOR).remove_listing(stale.clone()).await), "ETAG_MISMATCH");
    let stranger = v1::RemoveListingRequest { etag: String::new(), ..stale };
    assert_eq!(refused(world.listings(BOB).remove_listing(stranger).await), "APPLICATION_NOT_FOUND");
    world.clock.advance(days(1));
    let removed = world.remove_listing("app").await.unwrap();
    assert_eq!(removed.state(), v1::ListingState::Removed);
    assert_eq!(removed.removal_reason, "the owner does not answer");
    assert_eq!(removed.removed.clone().unwrap().actor, OPERATOR);
    assert_eq!(refused(world.remove_listing("app").await), "NOTHING_TO_DO");
    assert_eq!(refused(world.approve_listing("app").await), "ILLEGAL_LISTING_STATE");
    world.restart().await;
    assert_eq!(world.listing("app").await, removed);
    let again = world.submit_listing("app", "1.0.0").await.unwrap();
    assert_eq!((again.state(), again.removed), (v1::ListingState::Submitted, None));
    let listed = world.approve_listing("app").await.unwrap();
    assert_eq!((listed.state(), listed.first_list_time), (v1::ListingState::Listed, first));
    let wanted = v1::ListListingsRequest { state: v1::ListingState::Removed.into(), ..Default::default() };
    assert!(world.listings("").list_listings(wanted).await.unwrap().into_inner().listings.is_empty());
    let all = world.listings("").list_listings(v1::ListListingsRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.listings.len(), 1);
}
