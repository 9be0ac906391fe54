package graphtest

import (
	"slices"
	"strings"
)

// resource is what can be asked about one kind of thing.
type resource struct {
	// name is its type in Graph.
	name string
	// known are its properties, those of unmodelled left out. Those that the double keeps
	// no value of are answered as null, or as [] where they are collections.
	known []string
	// collections and betaOnly are those of known that hold several values, and
	// those that v1.0 does not have.
	collections, betaOnly []string
	// unmodelled may be selected too, and what Graph then answers is not modelled:
	// relationships, and properties that take a permission of their own.
	unmodelled []string
	// standard are the properties answered without $select.
	standard []string
	// counts says that the double knows $count here.
	counts bool
}

// The properties of each kind of thing. Source of known and collections: the
// metadata of beta of 2025, in the form of the models of msgraph-beta-sdk-go v0.160.0.
// Source of standard: Graph's "user resource type", for users. Source of betaOnly:
// pages and models of v1.0 of some years ago. What has come to v1.0 since is refused
// there, which a test notices; the other way round it would not.
var (
	userResource = resource{
		name: "microsoft.graph.user",
		known: words(`id deletedDateTime aboutMe accountEnabled ageGroup assignedLicenses assignedPlans authorizationInfo
			birthday businessPhones city cloudRealtimeCommunicationInfo companyName consentProvidedForMinor country
			createdDateTime creationType department deviceEnrollmentLimit deviceKeys displayName
			employeeHireDate employeeId employeeLeaveDateTime employeeOrgData employeeType externalUserState
			externalUserStateChangeDateTime faxNumber givenName hireDate identities identityParentId imAddresses infoCatalogs
			interests isLicenseReconciliationNeeded isManagementRestricted isResourceAccount jobTitle
			lastPasswordChangeDateTime legalAgeGroupClassification licenseAssignmentStates mail mailNickname
			mobilePhone mySite officeLocation onPremisesDistinguishedName onPremisesDomainName onPremisesExtensionAttributes
			onPremisesImmutableId onPremisesLastSyncDateTime onPremisesProvisioningErrors onPremisesSamAccountName
			onPremisesSecurityIdentifier onPremisesSipInfo onPremisesSyncEnabled onPremisesUserPrincipalName otherMails
			passwordPolicies passwordProfile pastProjects postalCode preferredDataLocation preferredLanguage preferredName
			provisionedPlans proxyAddresses refreshTokensValidFromDateTime responsibilities schools securityIdentifier
			serviceProvisioningErrors showInAddressList signInActivity signInSessionsValidFromDateTime skills state
			streetAddress surname usageLocation userPrincipalName userType`),
		collections: words(`assignedLicenses assignedPlans businessPhones deviceKeys identities imAddresses infoCatalogs
			interests licenseAssignmentStates onPremisesProvisioningErrors otherMails pastProjects provisionedPlans
			proxyAddresses responsibilities schools serviceProvisioningErrors skills`),
		betaOnly: words(`cloudRealtimeCommunicationInfo deviceKeys identityParentId infoCatalogs
			isLicenseReconciliationNeeded onPremisesSipInfo refreshTokensValidFromDateTime`),
		unmodelled: words(`customSecurityAttributes mailboxSettings activities adhocCalls agreementAcceptances analytics appConsentRequestsForApproval
			appRoleAssignedResources appRoleAssignments approvals authentication calendar calendarGroups calendars calendarView
			chats cloudClipboard cloudPCs communications contactFolders contacts createdObjects dataSecurityAndGovernance
			deviceEnrollmentConfigurations deviceManagementTroubleshootingEvents devices directReports drive drives
			employeeExperience events extensions followedSites identityGovernance inferenceClassification informationProtection
			insights invitedBy joinedGroups joinedTeams licenseDetails mailFolders managedAppLogCollectionRequests
			managedAppRegistrations managedDevices manager memberOf messages mobileAppIntentAndStates
			mobileAppTroubleshootingEvents notifications oauth2PermissionGrants onenote onlineMeetings onPremisesSyncBehavior
			outlook ownedDevices ownedObjects pendingAccessReviewInstances people permissionGrants photo photos planner presence
			print profile registeredDevices scopedRoleMemberOf settings solutions sponsors teamwork todo transitiveMemberOf
			transitiveReports usageRights virtualEvents windowsInformationProtectionDeviceRegistrations`),
		standard: words(`businessPhones displayName givenName id jobTitle mail mobilePhone officeLocation
			preferredLanguage surname userPrincipalName`),
	}
	groupResource = resource{
		name: "microsoft.graph.group",
		known: words(`id deletedDateTime accessType allowExternalSenders assignedLabels assignedLicenses
			autoSubscribeNewMembers classification createdByAppId createdDateTime description displayName expirationDateTime
			groupTypes hasMembersWithLicenseErrors hideFromAddressLists hideFromOutlookClients infoCatalogs isArchived
			isAssignableToRole isFavorite isManagementRestricted isSubscribedByMail licenseProcessingState mail mailEnabled
			mailNickname membershipRule membershipRuleProcessingState membershipRuleProcessingStatus onPremisesDomainName
			onPremisesExtensionAttributes onPremisesLastSyncDateTime onPremisesNetBiosName onPremisesProvisioningErrors
			onPremisesSamAccountName onPremisesSecurityIdentifier onPremisesSyncEnabled organizationId preferredDataLocation
			preferredLanguage proxyAddresses renewedDateTime resourceBehaviorOptions resourceProvisioningOptions
			securityEnabled securityIdentifier serviceProvisioningErrors theme uniqueName unseenConversationsCount
			unseenCount unseenMessagesCount visibility welcomeMessageEnabled writebackConfiguration`),
		collections: words(`assignedLabels assignedLicenses groupTypes infoCatalogs onPremisesProvisioningErrors
			proxyAddresses resourceBehaviorOptions resourceProvisioningOptions serviceProvisioningErrors`),
		unmodelled: words(`acceptedSenders appRoleAssignments calendar calendarView conversations createdOnBehalfOf drive
			drives endpoints events extensions groupLifecyclePolicies memberOf members membersWithLicenseErrors onenote
			onPremisesSyncBehavior owners permissionGrants photo photos planner rejectedSenders settings sites team threads
			transitiveMemberOf transitiveMembers`),
		standard: words(`id displayName`),
	}
	directoryRoleResource = resource{
		name:     "microsoft.graph.directoryRole",
		known:    words(`id deletedDateTime description displayName roleTemplateId`),
		standard: words(`id displayName roleTemplateId`),
	}
	// memberOfResource is a list of several types: each object answers those of
	// the properties that its type has.
	memberOfResource = resource{
		name:        "microsoft.graph.directoryObject",
		known:       slices.Concat(groupResource.known, []string{"roleTemplateId"}),
		collections: groupResource.collections,
		standard:    words(`id displayName roleTemplateId`),
	}
	roleResource = resource{
		name: "microsoft.graph.unifiedRoleDefinition",
		known: words(`id allowedPrincipalTypes description displayName isBuiltIn isEnabled isPrivileged resourceScopes
			rolePermissions templateId version`),
		collections: words(`resourceScopes rolePermissions`),
		betaOnly:    words(`allowedPrincipalTypes isPrivileged`),
		standard:    words(`id templateId displayName isBuiltIn isPrivileged`),
	}
	assignmentResource = resource{
		name: "microsoft.graph.unifiedRoleAssignment",
		known: words(`id appScopeId condition directoryScopeId principalId principalOrganizationId resourceScope
			roleDefinitionId`),
		standard:   words(`id principalId roleDefinitionId directoryScopeId`),
		unmodelled: words(`appScope directoryScope principal roleDefinition`),
		counts:     true,
	}
)

func words(text string) []string { return strings.Fields(text) }

// property is a name as Graph spells it, "" where the resource of a version has
// none of that name. Case does not count; see address.
func (of resource) property(name, version string) string {
	at := slices.IndexFunc(of.known, func(known string) bool { return strings.EqualFold(known, name) })
	if at < 0 || version != "beta" && slices.Contains(of.betaOnly, of.known[at]) {
		return ""
	}
	return of.known[at]
}

// answered are the properties that a version answers without $select.
func (of resource) answered(version string) []string {
	return slices.DeleteFunc(slices.Clone(of.standard), func(name string) bool { return of.property(name, version) == "" })
}

// blank is an object that has nothing but its type.
func (of resource) blank() map[string]any {
	all := map[string]any{}
	for _, name := range of.known {
		all[name] = nil
		if slices.Contains(of.collections, name) {
			all[name] = []any{}
		}
	}
	return all
}

// with is a blank object with some values.
func (of resource) with(values map[string]any) map[string]any {
	all := of.blank()
	for name, value := range values {
		all[name] = value
	}
	return all
}
