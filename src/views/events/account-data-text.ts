export const accountDataText = ({
  type,
  contentJson,
}: {
  readonly type: string
  readonly contentJson: string
}): string => `{"type":${JSON.stringify(type)},"content":${contentJson}}`
