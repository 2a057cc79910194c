/** Everything a caller can do, in one list. Surfaces, docs and tests are made from it. */
import { listAccessReview } from './features/access-reviews/list.ts'
import { createApiKey } from './features/api-keys/create.ts'
import { listApiKeys } from './features/api-keys/list.ts'
import { revokeApiKey } from './features/api-keys/revoke.ts'
import { rotateApiKey } from './features/api-keys/rotate.ts'
import { listAuditEvents } from './features/audit/list.ts'
import { verifyAuditLog } from './features/audit-checks/verify.ts'
import { getAuditLog } from './features/audit-logs/get.ts'
import { getCheckpoint } from './features/audit-logs/get-checkpoint.ts'
import { getProof } from './features/audit-logs/get-proof.ts'
import { getReceipt } from './features/audit-logs/get-receipt.ts'
import { getTile } from './features/audit-logs/get-tile.ts'
import { listLeaves } from './features/audit-logs/list-leaves.ts'
import { exportAuditEvents } from './features/audit-questions/export.ts'
import { listOwnAuditEvents } from './features/audit-questions/list-own.ts'
import { queryAuditEvents } from './features/audit-questions/query.ts'
import { listAuditSinks } from './features/audit-sinks/list.ts'
import { createBlock } from './features/blocked-addresses/create.ts'
import { deleteBlock } from './features/blocked-addresses/delete.ts'
import { listBlocks } from './features/blocked-addresses/list.ts'
import { compactMemories } from './features/compactions/compact.ts'
import { explainDecision } from './features/decisions/explain.ts'
import { createEmail } from './features/emails/create.ts'
import { deleteEmail } from './features/emails/delete.ts'
import { listEmails } from './features/emails/list.ts'
import { proveEmail } from './features/emails/prove.ts'
import { listEncryptionKeys } from './features/encryption-keys/list.ts'
import { rotateEncryptionKey } from './features/encryption-keys/rotate.ts'
import { confirmFactor } from './features/factors/confirm.ts'
import { createFactor } from './features/factors/create.ts'
import { createRecoveryCodes } from './features/factors/create-recovery-codes.ts'
import { deleteFactor } from './features/factors/delete.ts'
import { listFactors } from './features/factors/list.ts'
import { createIdentityProvider } from './features/identity-providers/create.ts'
import { createExternalIdentity } from './features/identity-providers/create-identity.ts'
import { deleteIdentityProvider } from './features/identity-providers/delete.ts'
import { deleteExternalIdentity } from './features/identity-providers/delete-identity.ts'
import { listIdentityProviders } from './features/identity-providers/list.ts'
import { listExternalIdentities } from './features/identity-providers/list-identities.ts'
import { updateIdentityProvider } from './features/identity-providers/update.ts'
import { deleteMemory } from './features/memories/delete.ts'
import { deleteMatching } from './features/memories/delete-matching.ts'
import { exportMemories } from './features/memories/export.ts'
import { getMemory } from './features/memories/get.ts'
import { memoryHistory } from './features/memories/history.ts'
import { listMemories } from './features/memories/list.ts'
import { listSessions } from './features/memories/list-sessions.ts'
import { restoreMemory } from './features/memories/restore.ts'
import { storeMemories } from './features/memories/store-batch.ts'
import { storeMemory } from './features/memories/store-one.ts'
import { updateMemory } from './features/memories/update.ts'
import { acceptInvitation } from './features/password-links/accept.ts'
import { completePasswordReset } from './features/password-links/complete-reset.ts'
import { createInvitation } from './features/password-links/invite.ts'
import { requestPasswordReset } from './features/password-links/request-reset.ts'
import { createPasswordReset } from './features/password-links/reset.ts'
import { changePassword } from './features/passwords/change.ts'
import { createPrincipal } from './features/principals/create.ts'
import { deletePrincipal } from './features/principals/delete.ts'
import { getPrincipal } from './features/principals/get.ts'
import { listPrincipals } from './features/principals/list.ts'
import { updatePrincipal } from './features/principals/update.ts'
import { whoami } from './features/principals/whoami.ts'
import { finishProviderSignIn } from './features/provider-sign-ins/finish.ts'
import { startProviderSignIn } from './features/provider-sign-ins/start.ts'
import { recallMemories } from './features/recall/recall.ts'
import { getRetention } from './features/retention/get.ts'
import { liftHold, placeHold } from './features/retention/hold.ts'
import { updateRetention } from './features/retention/update.ts'
import { createRole } from './features/roles/create.ts'
import { createGrant } from './features/roles/create-grant.ts'
import { deleteRole } from './features/roles/delete.ts'
import { deleteGrant } from './features/roles/delete-grant.ts'
import { listRoles } from './features/roles/list.ts'
import { listGrants } from './features/roles/list-grants.ts'
import { updateRole } from './features/roles/update.ts'
import { getSignInPolicy } from './features/sign-in-policies/get.ts'
import { updateSignInPolicy } from './features/sign-in-policies/update.ts'
import { askPasskey } from './features/sign-ins/ask-passkey.ts'
import { beginSignIn } from './features/sign-ins/begin-with-passkey.ts'
import { confirmSignIn } from './features/sign-ins/confirm.ts'
import { createSignIn } from './features/sign-ins/create.ts'
import { currentSignIn } from './features/sign-ins/current.ts'
import { endSignIn } from './features/sign-ins/end.ts'
import { endSignIns } from './features/sign-ins/end-all.ts'
import { finishSignIn } from './features/sign-ins/finish.ts'
import { leaveSignIn } from './features/sign-ins/leave.ts'
import { listSignIns } from './features/sign-ins/list.ts'
import { rotateSigningKey } from './features/signing-keys/rotate.ts'
import { createSpace } from './features/spaces/create.ts'
import { deleteSpace } from './features/spaces/delete.ts'
import { listSpaces } from './features/spaces/list.ts'
import { createTenant } from './features/tenants/create.ts'
import { listTenants } from './features/tenants/list.ts'
import { updateTenant } from './features/tenants/update.ts'
import { createTokens } from './features/tokens/create.ts'
import { exchangeTokens } from './features/tokens/exchange.ts'
import { listTokens } from './features/tokens/list.ts'
import { refreshTokens } from './features/tokens/refresh.ts'
import { revokeTokens } from './features/tokens/revoke.ts'
import { cosignCheckpoint } from './features/witnessed-logs/cosign.ts'
import { createWitnessedLog } from './features/witnessed-logs/create.ts'
import { deleteWitnessedLog } from './features/witnessed-logs/delete.ts'
import { getWitnessedCheckpoint } from './features/witnessed-logs/get-checkpoint.ts'
import { getWitness } from './features/witnessed-logs/get-witness.ts'
import { listWitnessedLogs } from './features/witnessed-logs/list.ts'
import type { Operation } from './kernel/operation.ts'

export const operations: readonly Operation[] = [
  storeMemory,
  storeMemories,
  recallMemories,
  listMemories,
  exportMemories,
  getMemory,
  updateMemory,
  deleteMemory,
  deleteMatching,
  memoryHistory,
  compactMemories,
  restoreMemory,

  createSpace,
  listSpaces,
  deleteSpace,
  listSessions,

  createPrincipal,
  listPrincipals,
  getPrincipal,
  updatePrincipal,
  deletePrincipal,
  whoami,

  createInvitation,
  acceptInvitation,
  createPasswordReset,
  requestPasswordReset,
  completePasswordReset,
  createEmail,
  listEmails,
  proveEmail,
  deleteEmail,
  changePassword,

  createSignIn,
  beginSignIn,
  finishSignIn,
  listSignIns,
  currentSignIn,
  askPasskey,
  confirmSignIn,
  leaveSignIn,
  endSignIn,
  endSignIns,

  getSignInPolicy,
  updateSignInPolicy,

  createFactor,
  confirmFactor,
  createRecoveryCodes,
  listFactors,
  deleteFactor,

  listRoles,
  createRole,
  updateRole,
  deleteRole,
  createGrant,
  listGrants,
  deleteGrant,

  explainDecision,
  listAccessReview,

  createApiKey,
  listApiKeys,
  rotateApiKey,
  revokeApiKey,

  createIdentityProvider,
  listIdentityProviders,
  updateIdentityProvider,
  deleteIdentityProvider,
  createExternalIdentity,
  listExternalIdentities,
  deleteExternalIdentity,
  startProviderSignIn,
  finishProviderSignIn,

  createTokens,
  exchangeTokens,
  listTokens,
  refreshTokens,
  revokeTokens,

  listEncryptionKeys,
  rotateEncryptionKey,
  rotateSigningKey,

  createTenant,
  listTenants,
  updateTenant,

  createBlock,
  listBlocks,
  deleteBlock,

  listAuditEvents,
  queryAuditEvents,
  exportAuditEvents,
  listOwnAuditEvents,
  getAuditLog,
  getCheckpoint,
  getTile,
  getProof,
  listLeaves,
  listAuditSinks,
  getReceipt,
  verifyAuditLog,

  getWitness,
  createWitnessedLog,
  listWitnessedLogs,
  deleteWitnessedLog,
  cosignCheckpoint,
  getWitnessedCheckpoint,

  getRetention,
  updateRetention,
  placeHold,
  liftHold,
]
