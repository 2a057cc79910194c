/** What is used of `oidc-provider`, which comes without types. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http'

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
    callback(): RequestListener
  }
}
