/** A provider as it is answered: with how this node stands with its keys. */
import type { Context } from '../../kernel/context.ts'
import { type IdentityProvider, type ProviderRow, toProvider } from './identity-provider.ts'
import type { ProviderKeys } from './provider-keys.ts'

declare module '../../kernel/context.ts' {
  interface Services {
    readonly providerKeys: ProviderKeys
  }
}

export function showProvider(ctx: Context, row: ProviderRow): Promise<IdentityProvider> {
  return toProvider(ctx.store, row, ctx.services.providerKeys.stateOf(row.provider_id))
}
