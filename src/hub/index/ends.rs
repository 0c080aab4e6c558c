//! What ends what: the versions of a target, the namespaces over a version, the dates that lie ahead, and who is concerned.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use devhub_decision::{Brownout, Environment};

use super::Index;
use crate::domain::calendar::{CalendarEntry, CalendarFilter, Dated, collect};
use crate::domain::ledger::{OperationName, Target};
use crate::domain::name::{Context, PolicyName, VersionName};
use crate::domain::namespace::{self, Namespace};
use crate::domain::version::Version;
use crate::hub::calendar::{CalendarPlace, page as calendar_page};

impl Index {
    /// The versions and environments that an end of `targets` concerns, each with a stamp that moves whenever it, a
    /// namespace that it lies in, a subscription to it, or an application that has one, is written.
    pub(in crate::hub) fn population(&self, targets: &[Target]) -> BTreeSet<(VersionName, Environment, u64)> {
        let concerned = targets.iter().flat_map(|target| {
            self.versions_of(target).into_iter().map(|name| (name, target.environment())).collect::<Vec<_>>()
        });
        let concerned: BTreeSet<(VersionName, Environment)> = concerned.collect();
        let inner = self.0.read();
        let stamp = |(name, environment): (VersionName, Environment)| {
            let stamp = inner.numbers.get(&name).map_or(0, |n| inner.stamps[*n as usize][environment as usize]);
            (name, environment, stamp.max(inner.loaded))
        };
        concerned.into_iter().map(stamp).collect()
    }

    /// The innermost namespace that ends a version sooner than its own dates do, in one environment.
    pub fn ended_by(&self, version: &Version, environment: Environment) -> Option<Context> {
        let inner = self.0.read();
        let own = version.deployments.get(&environment)?.lifecycle.schedule;
        let ends_sooner = |namespace: &Context| {
            inner.namespaces.get(namespace).is_some_and(|outer| own.under(outer.schedule(environment)) != own)
        };
        namespace::enclosing(&version.name.context).into_iter().rev().find(ends_sooner)
    }

    /// The versions that an end of `target` ends, in its environment: one, or all in a namespace.
    pub fn versions_of(&self, target: &Target) -> Vec<VersionName> {
        let inner = self.0.read();
        let Target::Namespace(namespace, environment) = target else {
            return target.version().cloned().into_iter().collect();
        };
        inner
            .catalogue
            .iter()
            .filter(|(context, _)| namespace::contains(namespace, context))
            .flat_map(|(_, versions)| versions.values())
            .filter(|version| version.deployments.contains_key(environment))
            .map(|version| version.name.clone())
            .collect()
    }

    /// Live subscriptions to what `targets` name at `now`, each counted once.
    pub fn live_at<'t>(&self, targets: impl IntoIterator<Item = &'t Target>, now: DateTime<Utc>) -> u64 {
        self.sum(targets, |name| self.live_subscriptions(name, now))
    }

    /// The same, those that only a retirement has ended included: whoever a change of lifecycle concerns.
    pub fn concerned_at<'t>(&self, targets: impl IntoIterator<Item = &'t Target>, now: DateTime<Utc>) -> u64 {
        self.sum(targets, |name| self.held_subscriptions(name, now))
    }

    fn sum<'t>(
        &self,
        targets: impl IntoIterator<Item = &'t Target>,
        counts: impl Fn(&VersionName) -> BTreeMap<Environment, u64>,
    ) -> u64 {
        let concerned: BTreeSet<(VersionName, Environment)> = targets
            .into_iter()
            .flat_map(|target| self.versions_of(target).into_iter().map(|name| (name, target.environment())))
            .collect();
        let count = |(name, environment): &(VersionName, Environment)| {
            counts(name).get(environment).copied().unwrap_or_default()
        };
        concerned.iter().map(count).sum()
    }

    /// The brownouts of a target that may not have ended.
    pub fn brownouts(&self, target: &Target) -> Vec<Brownout> {
        let inner = self.0.read();
        let found = match target {
            Target::Version(name, environment) => inner
                .catalogue
                .get(&name.context)
                .and_then(|versions| versions.get(&name.label)?.deployments.get(environment))
                .map(|deployment| deployment.brownouts.clone()),
            Target::Namespace(name, environment) => inner
                .namespaces
                .get(name)
                .and_then(|namespace| namespace.deployments.get(environment))
                .map(|deployment| deployment.brownouts.clone()),
            Target::Operation(..) => None,
        };
        found.unwrap_or_default()
    }

    /// A page of the dates that lie in a span, soonest first.
    pub fn calendar(
        &self,
        filter: &CalendarFilter,
        after: Option<&CalendarPlace>,
        size: usize,
    ) -> (Vec<CalendarEntry>, Option<CalendarPlace>) {
        let inner = self.0.read();
        let wanted =
            |context: &Context| filter.context.as_ref().is_none_or(|outer| namespace::contains(outer, context));
        let here = |environment: Environment| filter.environment.is_none_or(|wanted| wanted == environment);
        let mut entries = Vec::new();
        for version in inner.catalogue.values().flat_map(BTreeMap::values).filter(|v| wanted(&v.name.context)) {
            for (environment, deployment) in version.deployments.iter().filter(|(environment, _)| here(**environment)) {
                let target = Target::Version(version.name.clone(), *environment);
                let successor = deployment.successor.as_ref().map(ToString::to_string).unwrap_or_default();
                let schedule = &deployment.lifecycle.schedule;
                let dated = Dated { target, successor, zone: deployment.ledger.zone.as_ref() };
                collect(&mut entries, filter, &dated, schedule, &deployment.brownouts);
                for operation in &deployment.operations {
                    let (method, path) = (operation.method.clone(), operation.path.clone());
                    let name = OperationName { version: version.name.clone(), method, path };
                    let target = Target::Operation(name, *environment);
                    let successor = operation.replacement.as_ref().map(ToString::to_string).unwrap_or_default();
                    let dated = Dated { target, successor, zone: operation.ledger.zone.as_ref() };
                    collect(&mut entries, filter, &dated, &operation.schedule, &[]);
                }
            }
        }
        // What lies in a namespace ends with it.
        let concerns = |namespace: &Namespace| {
            let within = |inner: &Context| namespace::contains(&namespace.name, inner);
            wanted(&namespace.name) || filter.context.as_ref().is_some_and(within)
        };
        for namespace in inner.namespaces.values().filter(|namespace| concerns(namespace)) {
            for (environment, deployment) in namespace.deployments.iter().filter(|(environment, _)| here(**environment))
            {
                let target = Target::Namespace(namespace.name.clone(), *environment);
                let successor = deployment.successor.as_ref().map(ToString::to_string).unwrap_or_default();
                let schedule = &deployment.lifecycle.schedule;
                let dated = Dated { target, successor, zone: deployment.ledger.zone.as_ref() };
                collect(&mut entries, filter, &dated, schedule, &deployment.brownouts);
            }
        }
        drop(inner);
        calendar_page(entries, filter.from, after, size)
    }

    /// The names of the policies that the versions of a target have.
    pub fn policies_of(&self, target: &Target) -> BTreeSet<PolicyName> {
        let names = self.versions_of(target);
        let inner = self.0.read();
        let policy = |name: &VersionName| Some(inner.catalogue.get(&name.context)?.get(&name.label)?.policy.clone());
        names.iter().filter_map(policy).collect()
    }

    /// Whether a version is retired at `at`, by itself or with a namespace that it lies in, were it not for `target`.
    pub(in crate::hub) fn is_over_but_for(
        &self,
        name: &VersionName,
        environment: Environment,
        target: Option<&Target>,
        at: DateTime<Utc>,
    ) -> bool {
        let inner = self.0.read();
        let is_it = |other: Target| target == Some(&other);
        let own = inner
            .catalogue
            .get(&name.context)
            .and_then(|versions| {
                versions.get(&name.label)?.deployments.get(&environment)?.lifecycle.schedule.retires_at()
            })
            .filter(|_| !is_it(Target::Version(name.clone(), environment)));
        let enclosing = namespace::enclosing(&name.context);
        let with_others = enclosing
            .iter()
            .filter(|namespace| !is_it(Target::Namespace((*namespace).clone(), environment)))
            .filter_map(|namespace| inner.namespaces.get(namespace)?.schedule(environment).retires_at());
        own.into_iter().chain(with_others).any(|retires_at| retires_at <= at)
    }

    /// The contexts of the APIs in a namespace.
    pub fn members(&self, namespace: &Context) -> Vec<Context> {
        let inner = self.0.read();
        inner.apis.iter().filter(|context| namespace::contains(namespace, context)).cloned().collect()
    }
}
