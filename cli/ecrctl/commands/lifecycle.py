"""`ecrctl lifecycle`."""

from __future__ import annotations

import typer

from ecrctl.commands import options

app = typer.Typer(cls=options.Group, no_args_is_help=True)


@app.callback()
def _lifecycle() -> None:
    """Preview lifecycle policies."""


@app.command(cls=options.Command)
def plan(
    context: typer.Context,
    template: options.Template = None,
    parameters: options.Parameters = None,
    resource: options.Resource = None,
    rules_file: options.RulesFile = None,
    policy_file: options.PolicyFile = None,
    repository: options.Repository = None,
    all_repositories: options.AllRepositories = False,
    prefix: options.Prefix = None,
    images_file: options.ImagesFile = None,
    region: options.Region = None,
    profile: options.Profile = None,
    preview: options.Preview = False,
    now: options.Now = None,
    output: options.Output = "table",
    output_file: options.OutputFile = None,
    limit: options.Limit = None,
) -> None:
    """Show which images a lifecycle policy would expire or archive. Makes no changes.

    Specify the policy with one of --template, --rules-file, and --policy-file. For standard input, specify - as FILE.
    With --all or --prefix, the current policies of the repositories are planned, or the policy that you specify.

    The exit code is 0 if the policy has no effect, 2 if images would be expired or archived, 3 if a part of the
    template can't be planned, and 1 if an error occurs.

    Examples:
      $ ecrctl lifecycle plan --template template.yaml
      $ ecrctl lifecycle plan --rules-file rules.yaml --repository team/app --preview
      $ ecrctl lifecycle plan --policy-file policy.json --images-file images.json
      $ ecrctl lifecycle plan --prefix team/ --output markdown
    """
    from ecrctl.lifecycle import PlanOptions, run

    given = PlanOptions(
        template=template,
        parameters=parameters or (),
        resource=resource,
        rules_file=rules_file,
        policy_file=policy_file,
        repository=repository,
        all_repositories=all_repositories,
        prefix=prefix,
        images_file=images_file,
        region=region,
        region_on_command_line=options.is_on_command_line(context, "region"),
        profile=profile,
        preview=preview,
        now=now,
        output=output,
        output_file=output_file,
        limit=limit,
    )
    raise typer.Exit(run(given))
