// Pod specifications: what pods and the pod templates of workloads share.
// Source: kube-api §12.1. Pure; any thread.
#pragma once

#include <string>

#include "server/kube/resources/resource.h"

namespace pintle::server::kube {

// What a template's and a pod's spec have in common.
void SetPodSpecDefaults(Json& spec);
// Pods only: service links, requests out of limits, and what admission adds on a stock cluster
// (priority, service account, the two tolerations for nodes that went away).
void SetPodOnlyDefaults(Json& spec);
// metadata and spec of owner.spec.template.
void SetPodTemplateDefaults(Json& owner_spec);

// "Guaranteed", "Burstable" or "BestEffort".
std::string QosClass(const Json& spec);

void ValidatePodSpec(const Json& spec, const std::string& field, FieldErrors& errors);
// labels, annotations and spec at `field`.
void ValidatePodTemplate(const Json& pod_template, const std::string& field, FieldErrors& errors);
// A template owned by a controller: valid, matched by the selector, restarted always.
void ValidateOwnedTemplate(const Json& owner_spec, FieldErrors& errors);
void ValidatePodSpecUpdate(const Json& spec, const Json& old_spec, FieldErrors& errors);

// Names and images joined by commas, for wide tables.
std::string ContainerNames(const Json& pod_spec);
std::string ContainerImages(const Json& pod_spec);

}  // namespace pintle::server::kube
