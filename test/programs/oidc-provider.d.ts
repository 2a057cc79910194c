/** What is used of `oidc-provider`, which comes without types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

  /** What is known of a request to sign in, as its hooks get it. */
  export interface Asked {
    readonly oidc: {
      readonly session?: { readonly accountId?: string }
      readonly client?: { readonly clientId: string }
      readonly params?: Readonly<Record<string, unknown>>
      readonly provider: Provider
    }
  }

  export class Provider {
    constructor(issuer: string, configuration: object)
    readonly Client: { find(id: string): Promise<object> }
    readonly AccessToken: new (
      properties: object,
    ) => { save(): Promise<string> }
    readonly ResourceServer: new (
      identifier: string,
      data: object,
    ) => object
    readonly Grant: new (
      properties: object,
    ) => {
      addOIDCScope(scope: string): void
      save(): Promise<string>
    }
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
      options: object,
    ): Promise<void>
    callback(): RequestListener
  }
}
